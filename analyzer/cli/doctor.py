"""`relucid doctor`: what is installed, and which providers really work."""

import platform
from importlib import metadata

import click

from .. import demo
from ..errors import RelucidError
from ..model import load
from ..runtime import installed_wheels, onnxruntime
from ..session import PROVIDERS, open_session


@click.command()
def command() -> None:
    """Tell what is installed, and which providers really work: each is tried with a session, never looked up."""
    from ... import __version__  # noqa: PLC0415

    click.echo(f"relucid      {__version__}")
    click.echo(f"python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in ("numpy", "onnx", "onnx-ir"):
        click.echo(f"{name:<12} {metadata.version(name)}")
    wheels = installed_wheels()
    click.echo(f"runtime      {', '.join(f'{name} {version}' for name, version in wheels.items()) or 'none'}")
    onnxruntime()
    for provider in PROVIDERS:
        try:
            session = open_session(load(demo.model()), provider=provider)
        except RelucidError as error:
            click.echo(f"{provider:<12} does not work: {error}")
        else:
            click.echo(f"{provider:<12} works ({session.provider})")
    for extra in ("torch", "pillow", "pyarrow"):
        try:
            version = metadata.version(extra)
        except metadata.PackageNotFoundError:
            version = "not installed (optional)"
        click.echo(f"{extra:<12} {version}")
