"""One call of a torch function, as a `TorchFunctionMode` sees it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A function and what it was given.

    >>> Call(max, (3,), {"default": 0}).argument(0, "iterable")
    3
    """

    function: Callable[..., Any]
    arguments: Sequence[Any]
    options: Mapping[str, Any]

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """What was given for a parameter, by position or by name."""
        return self.arguments[place] if len(self.arguments) > place else self.options.get(name, default)

    def run(self) -> Any:
        """What the call makes."""
        return self.function(*self.arguments, **self.options)
