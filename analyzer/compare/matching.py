"""Which sites, and which inputs, of several models are the same: by name, else by order."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..data import InputSpec
from ..errors import ModelError
from ..sites import Site

SHOWN = 12
Fed = tuple[str, Sequence[InputSpec]]
"""A model's name and what it wants to be fed."""


@dataclass(frozen=True)
class Match:
    """One place where decisions are taken, in every model.

    Args:
        sites: the site in each model.
    """

    sites: tuple[Site, ...]

    @property
    def name(self) -> str:
        """Its name in the first model."""
        return self.sites[0].name

    @property
    def kind(self) -> str:
        """Its kind, or its kinds one after the other where they differ."""
        return " -> ".join(dict.fromkeys(site.kind for site in self.sites))


def units_of(site: Site) -> int | None:
    """How many units a site has; None where its shape does not say.

    >>> units_of(Site("act", "z", "relu", 1, shape=("N", 7))), units_of(Site("act", "z", "relu", 1))
    (7, None)
    """
    size = site.shape[site.unit_axis] if site.shape else None
    return size if isinstance(size, int) else None


def match_sites(models: Sequence[tuple[str, Sequence[Site]]]) -> tuple[tuple[Match, ...], tuple[str, ...]]:
    """The sites of the first model, each with its partner in every other, and how they were found if not by name.

    1. Both models have the same names: by name.
    2. They have as many sites, with the same numbers of units in the same order: by order.

    Args:
        models: the name and the sites of each.

    Raises:
        ModelError: neither holds, or sites of one name have different numbers of units; both models are listed.
    """
    (first, sites), *others = models
    columns, notes = [tuple(sites)], []
    for name, theirs in others:
        by_name = {site.name: site for site in theirs}
        same_names = by_name.keys() == {site.name for site in sites}
        partners = tuple(by_name[site.name] for site in sites) if same_names else tuple(theirs)
        if len(partners) != len(sites) or not all(map(_same_size, sites, partners)):
            raise ModelError(
                f"the sites of {first} and {name} match neither by name nor by order: {first} has {_listed(sites)}; "
                f"{name} has {_listed(theirs)}; choose the sites to compare with --sites"
            )
        columns.append(partners)
        if not same_names:
            pairs = [(a.name, b.name) for a, b in zip(sites, partners, strict=True)]
            notes.append(_by_order("Sites", first, name, pairs))
    return tuple(Match(each) for each in zip(*columns, strict=True)), tuple(notes)


def match_inputs(mine: Fed, theirs: Fed) -> tuple[dict[str, str], tuple[str, ...]]:
    """For each input of the second model the input of the first that holds the same: by name, else by order.

    Batches may be declared differently, and so may float types: the second model is fed what the first is, cast.

    Args:
        mine: name and inputs of the first model.
        theirs: those of the second.

    Returns:
        The names of the first model's inputs by those of the second, and a sentence if they were matched by order.

    Raises:
        ModelError: the two want different data; both are listed.
    """
    by_name = {spec.name: spec for spec in mine[1]}
    same_names = by_name.keys() == {spec.name for spec in theirs[1]}
    partners = [by_name[spec.name] for spec in theirs[1]] if same_names else list(mine[1])
    if len(partners) != len(theirs[1]) or not all(map(_same_data, partners, theirs[1])):
        wants = "; ".join(
            f"{model} wants {', '.join(f'{spec.name} {spec.description}' for spec in specs) or 'nothing'}"
            for model, specs in (mine, theirs)
        )
        raise ModelError(f"models are compared on the same data, but their inputs differ: {wants}")
    pairs = [(partner.name, spec.name) for partner, spec in zip(partners, theirs[1], strict=True)]
    notes = () if same_names else (_by_order("Inputs", mine[0], theirs[0], pairs),)
    return {name: partner for partner, name in pairs}, notes


def _by_order(what: str, first: str, second: str, pairs: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(f"{a} with {b}" for a, b in pairs[:SHOWN]) + (" ..." if len(pairs) > SHOWN else "")
    return f"{what} are matched by order, as {first} and {second} name them differently: {shown}."


def _same_size(a: Site, b: Site) -> bool:
    return units_of(a) == units_of(b) or None in (units_of(a), units_of(b))


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


def _listed(sites: Sequence[Site]) -> str:
    shown = ", ".join(f"{site.name} ({units_of(site) or '?'} units)" for site in sites[:SHOWN])
    return f"{len(sites)}: {shown}{' ...' if len(sites) > SHOWN else ''}"
