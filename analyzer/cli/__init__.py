"""The command line: one module per command, imported when the command is called."""

import importlib
import io
import sys
import traceback
from importlib import metadata
from typing import Any, NoReturn

import click

from .. import __version__

__all__ = ["main"]

_COMMANDS = {
    "analyze": "run a model over data: dead, linear and redundant units, and the patterns",
    "compare": "compare two models, or a chain of them, on the same data",
    "demo": "analyse the bundled model on the bundled data",
    "doctor": "print installed versions and test the execution providers",
    "expose": "write a model with its pre-activations as extra outputs",
    "merge": "merge the states of shards, in any order, into one report",
    "sites": "list the sites of a model: name, kind, unit axis, whether each can be analysed",
}

ERROR, INTERRUPTED = 2, 130
"""Exit codes; 130 is what shells report of an interrupted command, and click's 1 is that of `--fail-if`."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is called, and prints every error as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*_COMMANDS, *(point.name for point in _entry_points())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        command: click.Command | None = None
        if cmd_name in _COMMANDS:
            command = importlib.import_module(f".{cmd_name}", __name__).command
        elif cmd_name in (others := _entry_points()).names:
            command = others[cmd_name].load()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        others = [(point.name, point.load().get_short_help_str(80)) for point in _entry_points()]
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items(), *others])

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import RelucidError  # noqa: PLC0415 - keeps `relucid --help` light

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # names of sites may have any characters
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx is not None else "relucid"
            _fail(ctx, f"{error.format_message()} (see {path} --help)", show_traceback=False)
        except RelucidError as error:
            _fail(ctx, str(error))
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _fail(ctx, "interrupted", INTERRUPTED, show_traceback=False)
        except Exception as error:
            message = f"{type(error).__name__}: {error} (unexpected; relucid --debug shows the traceback)"
            _fail(ctx, message)


def _entry_points() -> metadata.EntryPoints:
    """Return the commands that plugins and trainers register under `relucid.commands`."""
    return metadata.entry_points(group="relucid.commands")


def _fail(ctx: click.Context, message: str, code: int = ERROR, *, show_traceback: bool = True) -> NoReturn:
    """Print the message of the current exception as one line, after its traceback if --debug is set, and exit."""
    if show_traceback and ctx.params.get("debug"):
        traceback.print_exc()
    click.echo(f"relucid: {' '.join(message.split())}", err=True)
    ctx.exit(code)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    del parameter
    if value:
        click.echo(f"relucid {__version__}")
        ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main(*, debug: bool) -> None:
    """Analyse the discrete decisions of a ReLU network.

    Exit codes: 0 success; 1 a --fail-if condition is true; 2 an error in the input; 130 interrupted by Ctrl-C.
    """
    del debug


def __dir__() -> list[str]:
    return sorted(__all__)
