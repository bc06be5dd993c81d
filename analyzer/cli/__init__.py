"""The command line: one file a command, each imported when it is called."""

import importlib
import io
import sys
import traceback
from importlib import metadata
from typing import IO, Any

import click

_COMMANDS = {
    "analyze": "run a model over data: what is dead, linear, redundant, how many patterns",
    "compare": "what changed from one model to another, on the same data",
    "demo": "the whole flow on the model and data inside the package",
    "doctor": "what is installed, and which providers really work",
    "expose": "the same model, pre-activations as extra outputs",
    "merge": "states of shards, in any order, into one report",
    "sites": "where decisions are taken: name, kind, unit axis, analysable or why not",
}


BROKEN_OFF = 130
"""What shells say of a command that Ctrl-C ended; click's own 1 would look like a --fail-if condition."""


def _from_other_rooms() -> metadata.EntryPoints:
    """Commands of plugins and trainers, which this room does not know: they register under `relucid.commands`."""
    return metadata.entry_points(group="relucid.commands")


class _OneLine(click.ClickException):
    """Something about the input is wrong: one line, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line; what a library or a loader said in several becomes one."""
        click.echo(f"relucid: {' '.join(self.format_message().split())}", file=file, err=file is None)


class _Lazy(click.Group):
    """A group that imports a command's file only when it is called, and prints our errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*_COMMANDS, *(point.name for point in _from_other_rooms())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        command: click.Command | None = None
        if cmd_name in _COMMANDS:
            command = importlib.import_module(f".{cmd_name}", __name__).command
        elif cmd_name in (others := _from_other_rooms()).names:
            command = others[cmd_name].load()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        others = [(point.name, point.load().get_short_help_str(80)) for point in _from_other_rooms()]
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items(), *others])

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import RelucidError  # noqa: PLC0415 - keeps `relucid --help` light

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # names of sites are anybody's text
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx is not None else "relucid"
            raise _OneLine(f"{error.format_message()} (see {where} --help)") from error
        except RelucidError as error:
            _show_traceback(ctx)
            raise _OneLine(str(error)) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("relucid: broken off", err=True)
            ctx.exit(BROKEN_OFF)
        except Exception as error:
            _show_traceback(ctx)
            raise _OneLine(f"{type(error).__name__}: {error} (not expected; relucid --debug shows where)") from error


def _show_traceback(ctx: click.Context) -> None:
    if ctx.params.get("debug"):
        traceback.print_exc()


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    del parameter
    if wanted:
        from ... import __version__  # noqa: PLC0415

        click.echo(f"relucid {__version__}")
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main(*, debug: bool) -> None:
    """Read a ReLU network as a machine that takes discrete decisions.

    Exit codes: 0 fine; 1 a --fail-if condition fired; 2 something about the input is wrong; 130 broken off by Ctrl-C.
    """
    del debug
