"""merge(): states of parts of the data, in any order, into one report."""

import os
from pathlib import Path

from .errors import StateError
from .report import Report
from .state import State
from .stats import merge_all
from .telling import tell


def merge(*states: str | os.PathLike[str] | State) -> Report:
    """The report of all parts of the data together, from what was seen of each.

    Counts are those of one run over all of it, to the last one; floating sums agree to rounding.

    Args:
        states: files that `analyze` saved, or states, of the same analysis of disjoint parts of the data, in any order.

    Raises:
        StateError: there is none, a file cannot be read, they were made with different things, or they saw the same
            samples.

    >>> import relucid, tempfile
    >>> folder, net, data = Path(tempfile.mkdtemp()), relucid.demo.model(), relucid.demo.data()
    >>> for i in range(2):
    ...     part = relucid.analyze(net, data, shard=(i, 2), state=folder / f"{i}.state")
    >>> relucid.merge(folder / "0.state", folder / "1.state").samples
    580
    """
    return tell(merged(*states))


def merged(*states: str | os.PathLike[str] | State) -> State:
    """The same as a state, to be saved or merged again.

    Raises:
        StateError: as in `merge`.
    """
    if not states:
        raise StateError("merge wants at least one state, got none: name the files that were saved, one for each part")
    return merge_all(state if isinstance(state, State) else State.load(Path(state)) for state in states)
