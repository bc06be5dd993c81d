"""The same model with its pre-activations as extra outputs, as a graph or as a file."""

import shutil
from dataclasses import replace
from filecmp import cmp
from pathlib import Path
from typing import Any

import onnx_ir as ir

from ..atomic_write import write_atomically
from ..errors import ModelError, OptionError, translate_errors
from ..model.external_data import external_locations
from ..model.loading import Model, load, parse
from ..options import Options
from ..passes.expose_values import InstrumentPass
from ..sites import Site, find_sites


def expose(model: Any, *, options: Options | None = None) -> tuple[Model, tuple[Site, ...]]:
    """Make the pre-activations of a model outputs; nothing else of it changes.

    Only where the model has functions of its own they are inlined, since a value inside one cannot be an output.

    Args:
        model: as `relucid.analyze` takes it; it is not changed.
        options: which sites and kinds; None means all that can be tapped.

    Returns:
        The model, and the sites that were tapped; `value` of each is the name of the output that shows it.

    Raises:
        ModelError: it cannot be read, or has no site that can be tapped.
        OptionError: no site matches.

    >>> from relucid.analyzer import demo
    >>> exposed, sites = expose(demo.model())
    >>> sites[0].value in {output.name for output in exposed.ir.graph.outputs}
    True
    """
    prepared = load(model)
    sites = (options or Options()).chosen_sites([site for site in find_sites(prepared.ir) if site.analysable])
    if not sites:
        raise ModelError(f"{prepared.name} has no site whose pre-activation can be made an output")
    raw = parse(model)
    exposed = prepared if raw.ir.functions else raw
    _copy_types(prepared.ir, exposed.ir, {site.value for site in sites})
    tapping = InstrumentPass(site.value for site in sites)
    tapping(exposed.ir)
    return exposed, tuple(replace(site, value=tapping.tapped[site.value]) for site in sites)


def save(model: Model, path: Path) -> None:
    """Write a model to a file, whole or not at all; weights in other files are copied beside it as they are.

    Raises:
        OptionError: the file cannot be written, or the model or weights that are there would be overwritten.
    """
    try:
        proto = translate_errors("write", model.name, lambda: ir.to_proto(model.ir))
        brought = sorted(external_locations(proto))
        taken = {Path(model.name).absolute(), *model.weights, *(path.parent.absolute() / place for place in brought)}
        if taken & {path.absolute(), path.resolve()}:
            raise OptionError(f"{path} is the model itself, or its weights; choose another name")
        for location in brought:
            _bring(model, location, path.parent)
        data = translate_errors("write", model.name, proto.SerializeToString)
        with write_atomically(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _bring(model: Model, location: str, folder: Path) -> None:
    source, target = (model.folder or Path()) / location, folder / location
    if target.exists():
        if source.samefile(target) or cmp(source, target, shallow=False):
            return
        raise OptionError(f"{target} exists and is not the weights of {model.name}; choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(target) as part:
        shutil.copyfile(source, part)


def _copy_types(source: ir.Model, target: ir.Model, names: set[str]) -> None:
    """Give values that become outputs the type and shape that inference found: an output must state its type."""
    known = {out.name: out for node in source.graph for out in node.outputs}
    for node in target.graph:
        for out in node.outputs:
            if out.name in names and out.name in known:
                out.type, out.shape = known[out.name].type, known[out.name].shape
