"""Find where a runtime keeps channels in blocks, in the graph as it has optimised it."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

BLOCKED = "com.microsoft.nchwc"
"""The domain of onnxruntime's operators on channels in blocks (sample, channel / block, positions, block)."""


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """Where a value lies in blocks.

    Args:
        name: of the same value in blocks.
        channels: how many there are; in memory they are filled up to whole blocks.
    """

    name: str
    channels: int


class BlockedPass(ir.passes.InPlacePass):
    """Undo taps in an optimised graph: the values are no outputs any more, and lie as they lay without them.

    Cases:
    1. A ReorderOutput makes the value of one in blocks, which others read: `found` tells its name.
    2. Nobody reads that one in blocks but the ReorderOutput: the value is read where it is.
    3. Anything else makes the value: the same.

    What then leads nowhere is removed. A second run changes nothing, and finds nothing.

    Args:
        taps: names of the values that are outputs only to be seen.
        blocks: those of them that can be read in blocks.
        size: how many channels there are in a block.
    """

    def __init__(self, taps: Iterable[str], *, blocks: Iterable[str], size: int) -> None:
        super().__init__()
        self.taps = frozenset(taps)
        self.blocks = frozenset(blocks)
        self.size = size
        self.found: dict[str, Blocked] = {}

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Undo the taps."""
        outputs = model.graph.outputs
        tapped = [value for value in outputs if value.name in self.taps]
        for value in tapped:
            outputs.remove(value)
        for value in tapped:
            reorder = value.producer() if value.name in self.blocks else None
            if reorder is None or (reorder.domain, reorder.op_type) != (BLOCKED, "ReorderOutput"):
                continue
            inside = reorder.inputs[0]
            last = reorder.attributes.get("channels_last")
            if inside is None or (last is not None and last.as_int()) or len(inside.uses()) == 1:
                continue
            channels = reorder.attributes["channels"].as_int()
            self.found[value.name or ""] = Blocked(name=inside.name or "", channels=channels)
            # Of equal shapes the runtime sees that one may take the place of the other in memory.
            inside.type = value.type
            if value.shape is not None:
                first, _, *rest = value.shape
                inside.shape = ir.Shape([first, -(-channels // self.size) * self.size, *rest])
            if not value.uses() and value not in outputs:
                model.graph.remove(reorder, safe=True)
        return ir.passes.PassResult(model, modified=bool(tapped))
