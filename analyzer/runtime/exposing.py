"""Expose a model's pre-activations as extra outputs, as a graph or as a file."""

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
    """Make the pre-activations of a model outputs; the rest of the model does not change.

    Functions of the model are inlined if there are any, since a value inside a function cannot be an output.

    Args:
        model: as in `relucid.analyze`; it is not changed.
        options: selects sites and kinds; None selects every site that can be tapped.

    Returns:
        The model, and the sites that were tapped; `value` of each site is the name of its new output.

    Raises:
        ModelError: the model cannot be read, or has no site that can be tapped.
        OptionError: no site matches the options.

    >>> from relucid.analyzer import demo
    >>> exposed, sites = expose(demo.model())
    >>> sites[0].value in {output.name for output in exposed.ir.graph.outputs}
    True
    """
    prepared = load(model)
    sites = (options or Options()).select_sites([site for site in find_sites(prepared.ir) if site.analysable])
    if not sites:
        raise ModelError(
            f"expected a model with a site whose pre-activation can be an output, got {prepared.name} with none; "
            "`relucid sites` says why"
        )
    raw = parse(model)
    exposed = prepared if raw.ir.functions else raw
    _copy_types(prepared.ir, exposed.ir, {site.value for site in sites})
    tapping = InstrumentPass(site.value for site in sites)
    tapping(exposed.ir)
    return exposed, tuple(replace(site, value=tapping.tapped[site.value]) for site in sites)


def save(model: Model, path: Path) -> None:
    """Write a model to a file atomically, and copy its external weight files into the same folder.

    Raises:
        OptionError: the file cannot be written, or would overwrite the model, its weights or an unrelated file.
    """
    try:
        proto = translate_errors("write", model.name, lambda: ir.to_proto(model.ir))
        weights = sorted(external_locations(proto))
        reserved = {Path(model.name).absolute(), *model.weights, *(path.parent.absolute() / each for each in weights)}
        if reserved & {path.absolute(), path.resolve()}:
            raise OptionError(
                f"expected a new file, got {path}, which is the model or its weights; choose another name"
            )
        for location in weights:
            _copy_weights(model, location, path.parent)
        data = translate_errors("write", model.name, proto.SerializeToString)
        with write_atomically(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _copy_weights(model: Model, location: str, folder: Path) -> None:
    source, target = (model.folder or Path()) / location, folder / location
    if target.exists():
        if source.samefile(target) or cmp(source, target, shallow=False):
            return
        raise OptionError(
            f"expected no file {target}, or a copy of the weights of {model.name}, got another file; "
            "choose another folder"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(target) as part:
        shutil.copyfile(source, part)


def _copy_types(source: ir.Model, target: ir.Model, names: set[str]) -> None:
    """Copy the inferred type and shape of values that become outputs: an output must declare its type."""
    known = {out.name: out for node in source.graph for out in node.outputs}
    for node in target.graph:
        for out in node.outputs:
            if out.name in names and out.name in known:
                out.type, out.shape = known[out.name].type, known[out.name].shape
