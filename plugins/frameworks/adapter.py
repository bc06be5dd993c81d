"""The functions that all adapters share: a separation and a monitor in one checkpoint, and the end of an epoch."""

from collections.abc import Mapping
from typing import Any

from ...analyzer.errors import OptionError
from ..torch import Monitor, Separation


def check_plugins(separation: Separation | None, monitor: Monitor | None) -> None:
    """Check the plugins that are passed to an adapter, each of which may be None.

    Raises:
        OptionError: one of them is of another type.
    """
    for name, plugin, kind in (("separation", separation, Separation), ("monitor", monitor, Monitor)):
        if plugin is not None and not isinstance(plugin, kind):
            raise OptionError(f"{name}: expected a {kind.__name__} created for the model, got {plugin!r}")


def end_epoch(monitor: Monitor | None) -> None:
    """End the window of a monitor whose windows are epochs."""
    if monitor is not None and monitor.window == "epoch":
        monitor.end_window()


def collect_states(separation: Separation | None, monitor: Monitor | None) -> dict[str, Any]:
    """Return the states of both plugins by name, without those that are None.

    >>> collect_states(None, None)
    {}
    """
    plugins = {"separation": separation, "monitor": monitor}
    return {name: plugin.state_dict() for name, plugin in plugins.items() if plugin is not None}


def load_states(
    states: Mapping[str, Mapping[str, Any]], separation: Separation | None, monitor: Monitor | None
) -> None:
    """Load the states of both plugins; a plugin without a state keeps its initial one."""
    if separation is not None and "separation" in states:
        separation.load_state_dict(states["separation"])
    if monitor is not None and "monitor" in states:
        monitor.load_state_dict(states["monitor"])
