"""A sight: what one run of the model showed of every site, not kept yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .collect import Seen

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sight:
    """What one run showed.

    Args:
        found: of each site, in order.
        keep: merges what was found with everything before it, site by site, in any order or beside each other.
        outputs: what the session gave out, by name.
    """

    found: Sequence[Seen]
    keep: Sequence[Callable[[], None]]
    outputs: Mapping[str, Array]
