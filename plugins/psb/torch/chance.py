"""How a PSB layer stores and draws its weights."""

from dataclasses import dataclass

from ..binarize import Format


@dataclass(frozen=True)
class Chance:
    """How the weights of a layer are stored and drawn, all that does not change while it trains.

    Args:
        stored: in how many bits, and whether each image draws for itself.
        exact_dyadics: as `table_of` has it.
        most_samples: the largest number of samples.
    """

    stored: Format
    exact_dyadics: bool
    most_samples: int
