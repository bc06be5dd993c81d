"""Find the values that onnxruntime keeps in blocks of channels, in a graph that it has optimized."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

BLOCKED = "com.microsoft.nchwc"
"""The domain of onnxruntime's operators on blocked values (sample, channel / block, positions, block)."""


@dataclass(frozen=True, kw_only=True)
class BlockedValue:
    """A value that the graph also contains in blocks of channels.

    Args:
        name: the name of the blocked value.
        channels: number of channels; the last block is padded.
    """

    name: str
    channels: int


class BlockedPass(ir.passes.InPlacePass):
    """Remove the taps from an optimized graph, and find those whose values it also contains in blocks.

    Cases:
    1. A ReorderOutput computes the value from a blocked one, which other nodes read too: it is added to `found`.
    2. Only the ReorderOutput reads the blocked value: a probe can read the plain value at no cost.
    3. Another operator computes the value: as in case 2.

    A ReorderOutput that no node reads any more is removed. A second run changes nothing, and finds nothing.

    Args:
        taps: names of the values that were made outputs.
        blocks: those of them that a probe can read in blocks.
        size: number of channels in a block.

    Attributes:
        found: the blocked value of each tap that has one, by the name of the tap.
    """

    def __init__(self, taps: Iterable[str], *, blocks: Iterable[str], size: int) -> None:
        super().__init__()
        self.taps = frozenset(taps)
        self.blocks = frozenset(blocks)
        self.size = size
        self.found: dict[str, BlockedValue] = {}

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Remove the taps."""
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
            self.found[value.name or ""] = BlockedValue(name=inside.name or "", channels=channels)
            # onnxruntime reuses the memory of a value for another only if it knows that their shapes are equal.
            inside.type = value.type
            if value.shape is not None:
                first, _, *rest = value.shape
                inside.shape = ir.Shape([first, -(-channels // self.size) * self.size, *rest])
            if not value.uses() and value not in outputs:
                model.graph.remove(reorder, safe=True)
        return ir.passes.PassResult(model, modified=bool(tapped))
