"""`relucid doctor`: installed versions, and a test of every execution provider and of the native probes."""

import platform
from importlib import metadata

import click

from .. import __version__, demo
from ..analysis import observe
from ..errors import RelucidError
from ..model.loading import load
from ..native import unavailable_reason
from ..options import Options
from ..runtime.probe_setup import NATIVE
from ..runtime.session import PROVIDERS, import_onnxruntime, installed_wheels, open_session


@click.command()
def command() -> None:
    """Print installed versions, and test every execution provider and the native probes."""
    click.echo(f"relucid      {__version__}")
    click.echo(f"python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in ("numpy", "onnx", "onnx-ir"):
        click.echo(f"{name:<12} {metadata.version(name)}")
    wheels = installed_wheels()
    click.echo(f"runtime      {', '.join(f'{name} {version}' for name, version in wheels.items()) or 'none'}")
    import_onnxruntime()
    for provider in PROVIDERS:
        try:
            session = open_session(load(demo.model()), provider=provider)
        except RelucidError as error:
            click.echo(f"{provider:<12} does not work: {error}")
        else:
            click.echo(f"{provider:<12} works ({session.provider})")
    click.echo(f"native       {_test_native()}")
    for extra in ("torch", "pillow", "pyarrow"):
        try:
            version = metadata.version(extra)
        except metadata.PackageNotFoundError:
            version = "not installed (optional)"
        click.echo(f"{extra:<12} {version}")


def _test_native() -> str:
    """Return a text on whether an analysis uses native probes, with the reason if not."""
    reason = unavailable_reason()
    if reason is not None:
        return f"not used: {reason}; numpy counts instead, with the same results"
    try:
        state = observe(load(demo.model()), demo.data(), Options(limit=32))
    except RelucidError as error:
        return f"does not work: {error}"
    return "works" if state.provenance["way"] == NATIVE else f"does not work: {' '.join(state.notes)}"
