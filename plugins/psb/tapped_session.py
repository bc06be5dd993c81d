"""Run a model and read values from inside its graph."""

from collections.abc import Callable, Collection
from typing import Any

from numpy.typing import NDArray

from ...analyzer.model.loading import Model
from ...analyzer.passes.expose_values import InstrumentPass
from ...analyzer.runtime.session import Session, open_session

Arrays = dict[str, NDArray[Any]]


def open_tapped(model: Model, values: Collection[str]) -> tuple[Session, Callable[[Arrays], Arrays]]:
    """Open a session that returns values of the graph.

    Args:
        model: its graph is changed: the values become outputs.
        values: names of values.

    Returns:
        The session, and a function from the inputs of the model to the values, by name.
    """
    tapping = InstrumentPass(values)
    tapping(model.ir)
    session, names = open_session(model), tapping.tapped

    def run(feed: Arrays) -> Arrays:
        outputs = session.run(list(names.values()), feed)
        return {value: outputs[tap] for value, tap in names.items()}

    return session, run
