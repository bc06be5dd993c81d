"""Corresponding sites and inputs of several models: matched by name, else by order."""

from collections.abc import Sequence

from ..data import InputSpec
from ..errors import ModelError
from ..sites import Site

MAX_LISTED = 12
"""Maximum number of sites or inputs listed in a message."""


def match_sites(
    models: Sequence[tuple[str, Sequence[Site]]],
) -> tuple[tuple[tuple[Site, ...], ...], tuple[str, ...]]:
    """Match the sites of the first model with those of every other model.

    1. By name, if both models have the same site names.
    2. By order, if both have the same number of sites, with the same numbers of units.

    Args:
        models: name and sites of each model.

    Returns:
        For each site of the first model the sites in all models; and a note for each model matched by order.

    Raises:
        ModelError: the sites match neither by name nor by order, or sites of the same name differ in units.
    """
    (first, sites), *others = models
    columns, notes = [tuple(sites)], []
    for name, theirs in others:
        by_name = {site.name: site for site in theirs}
        same_names = by_name.keys() == {site.name for site in sites}
        partners = tuple(by_name[site.name] for site in sites) if same_names else tuple(theirs)
        if len(partners) != len(sites) or not all(map(_same_size, sites, partners)):
            raise ModelError(
                f"the sites of {first} and {name} match neither by name nor by order: {first} has {_list(sites)}; "
                f"{name} has {_list(theirs)}; select the sites to compare with --sites"
            )
        columns.append(partners)
        if not same_names:
            pairs = [(a.name, b.name) for a, b in zip(sites, partners, strict=True)]
            notes.append(_note_order("Sites", first, name, pairs))
    return tuple(zip(*columns, strict=True)), tuple(notes)


def match_inputs(
    mine: tuple[str, Sequence[InputSpec]], theirs: tuple[str, Sequence[InputSpec]]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Match each input of the second model with an input of the first: by name, else by order.

    Batch sizes and float types may differ: the second model receives the arrays of the first, cast to its types.

    Args:
        mine: name and inputs of the first model.
        theirs: name and inputs of the second model.

    Returns:
        The names of the first model's inputs by those of the second, and a note if they were matched by order.

    Raises:
        ModelError: the inputs differ in shape or type.
    """
    by_name = {spec.name: spec for spec in mine[1]}
    same_names = by_name.keys() == {spec.name for spec in theirs[1]}
    partners = [by_name[spec.name] for spec in theirs[1]] if same_names else list(mine[1])
    if len(partners) != len(theirs[1]) or not all(map(_same_data, partners, theirs[1])):
        listed = "; ".join(
            f"{model} has {', '.join(f'{spec.name} {spec.description}' for spec in specs) or 'none'}"
            for model, specs in (mine, theirs)
        )
        raise ModelError(f"expected models with the same inputs, got {listed}; export both with the same inputs")
    pairs = [(partner.name, spec.name) for partner, spec in zip(partners, theirs[1], strict=True)]
    notes = () if same_names else (_note_order("Inputs", mine[0], theirs[0], pairs),)
    return {name: partner for partner, name in pairs}, notes


def count_units(site: Site) -> int | None:
    """The declared number of units of a site; None if unknown.

    >>> count_units(Site("act", "z", "relu", 1, shape=("N", 7))), count_units(Site("act", "z", "relu", 1))
    (7, None)
    """
    size = site.shape[site.unit_axis] if site.shape else None
    return size if isinstance(size, int) else None


def _note_order(what: str, first: str, second: str, pairs: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(f"{a} with {b}" for a, b in pairs[:MAX_LISTED]) + (" ..." if len(pairs) > MAX_LISTED else "")
    return f"{what} are matched by order, as {first} and {second} name them differently: {listed}."


def _same_size(a: Site, b: Site) -> bool:
    return count_units(a) == count_units(b) or None in (count_units(a), count_units(b))


def _same_data(a: InputSpec, b: InputSpec) -> bool:
    if a.dtype != b.dtype and not a.dtype.kind == b.dtype.kind == "f":
        return False
    if a.shape is None or b.shape is None:
        return True
    return (
        len(a.shape) == len(b.shape)
        and a.sample_axis == b.sample_axis
        and all(
            axis == a.sample_axis or x == y or not (isinstance(x, int) and isinstance(y, int))
            for axis, (x, y) in enumerate(zip(a.shape, b.shape, strict=True))
        )
    )


def _list(sites: Sequence[Site]) -> str:
    listed = ", ".join(f"{site.name} ({count_units(site) or '?'} units)" for site in sites[:MAX_LISTED])
    return f"{len(sites)}: {listed}{' ...' if len(sites) > MAX_LISTED else ''}"
