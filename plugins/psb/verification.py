"""What a comparison of a model before and after found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OutputError:
    """How far an output moved.

    Args:
        name: of the output.
        rms: root of the mean squared difference.
        relative: that over the root mean square before.
        largest: the largest difference.
        agreement: share of the samples whose largest entry is the same; None where there is only one entry.
    """

    name: str
    rms: float
    relative: float
    largest: float
    agreement: float | None


@dataclass(frozen=True)
class SiteError:
    """How far the pre-activations of a site moved.

    Args:
        name: of the site.
        value: the value it reads.
        rms: root of the mean squared difference.
        relative: that over the root mean square before.
        largest: the largest difference.
        flipped: share of the decisions z > threshold that are others now.
    """

    name: str
    value: str
    rms: float
    relative: float
    largest: float
    flipped: float


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        images: samples of the data.
        samples: n; None: the model's default.
        seed: of the draws.
        accuracy_before: share of right decisions of the first output; None where there are no labels.
        accuracy_after: the same after.
        outputs: each output both models have.
        sites: each site whose pre-activation both have, in order.
        missing: sites that cannot be compared, since the rewritten model has no such value.
    """

    images: int
    samples: int | None
    seed: int
    accuracy_before: float | None
    accuracy_after: float | None
    outputs: tuple[OutputError, ...]
    sites: tuple[SiteError, ...]
    missing: tuple[str, ...]
