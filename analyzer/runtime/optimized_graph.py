"""Let onnxruntime optimize a model before probes are added, so that probes do not prevent optimizations.

On the CPU, onnxruntime keeps channels in blocks from one convolution to the next (Georganas et al., Anatomy of
high-performance deep learning convolutions on SIMD architectures, 2018). A custom operator between two convolutions
would reorder every value to the plain layout and back, and prevent the fusion of operators; both together take more
time than the probes themselves. So onnxruntime first optimizes the graph, with taps where the probes will be, and
writes it to a file. Then probes replace the taps, with attributes for the blocked layout, and the result runs without
further optimization.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx_ir as ir

from ..errors import translate_errors
from ..model.loading import Model
from ..passes.expose_values import InstrumentPass
from .session import open_session

BLOCKED = "com.microsoft.nchwc"
"""The domain of onnxruntime's operators on blocked values (sample, channel / block, positions, block)."""


@contextmanager
def optimize_graph(
    model: Model, values: Collection[str], *, blocks: Collection[str], threads: int | None, custom_ops: Path | None
) -> Iterator[tuple[Model, dict[str, tuple[str, int]]] | None]:
    """Optimize a model for the CPU; a context manager: start sessions inside it, as the weights are temporary files.

    Args:
        model: the model to optimize; it is not changed.
        values: names of the values that probes will read.
        blocks: those of them that a probe can read in the blocked layout.
        threads: as in `open_session`.
        custom_ops: as in `open_session`.

    Returns:
        The optimized model, and the name and number of channels of every value that it keeps in blocks, by the name in
        `model`; None if it has none.

    Raises:
        ModelError: onnxruntime refuses the model, or the file that it wrote cannot be read.
        OSError: the temporary folder cannot be created.
    """
    if not blocks or not any(node.op_type == "Conv" for node in model.ir.graph):
        yield None
        return
    graph = model.ir.clone()
    outputs = {value.name for value in graph.graph.outputs}
    tapping = InstrumentPass(values)
    tapping(graph)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        open_session(replace(model, ir=graph), threads=threads, custom_ops=custom_ops, optimized_path=path)
        optimized = translate_errors("read the optimized graph of", model.name, lambda: ir.load(path))
        taps = set(tapping.tapped.values()) - outputs
        blocked = remove_taps(optimized, taps, blocks=blocks, size=block_size())
        yield (replace(model, ir=optimized, folder=Path(folder)), blocked) if blocked else None


def remove_taps(
    model: ir.Model, taps: Collection[str], *, blocks: Collection[str], size: int
) -> dict[str, tuple[str, int]]:
    """Remove the taps from an optimized graph, and find those whose values it also contains in blocks.

    Cases:
    1. A ReorderOutput computes the value from a blocked one, which other nodes read too: it is returned.
    2. Only the ReorderOutput reads the blocked value: a probe can read the plain value at no cost.
    3. Another operator computes the value: as in case 2.

    A ReorderOutput that no node reads any more is removed. A second call changes nothing, and finds nothing.

    Args:
        model: the optimized model; changed in place.
        taps: names of the values that were made outputs.
        blocks: those of them that a probe can read in blocks.
        size: number of channels in a block.

    Returns:
        The name of the blocked value of each tap that has one, and its number of channels, by the name of the tap; the
        last block is padded.
    """
    outputs = model.graph.outputs
    tapped = [value for value in outputs if value.name in taps]
    for value in tapped:
        outputs.remove(value)
    found = {}
    for value in tapped:
        reorder = value.producer() if value.name in blocks else None
        if reorder is None or (reorder.domain, reorder.op_type) != (BLOCKED, "ReorderOutput"):
            continue
        inside = reorder.inputs[0]
        last = reorder.attributes.get("channels_last")
        if inside is None or (last is not None and last.as_int()) or len(inside.uses()) == 1:
            continue
        channels = reorder.attributes["channels"].as_int()
        found[value.name or ""] = inside.name or "", channels
        # onnxruntime reuses the memory of a value for another only if it knows that their shapes are equal.
        inside.type = value.type
        if value.shape is not None:
            first, _, *rest = value.shape
            inside.shape = ir.Shape([first, -(-channels // size) * size, *rest])
        if not value.uses() and value not in outputs:
            model.graph.remove(reorder, safe=True)
    return found


@cache
def block_size() -> int:
    """Return how many channels a block has on this processor, by reordering an array whose values are positions."""
    channels = 64
    shape = (1, channels, 1, 2)
    header = f'<ir_version: 8, opset_import: ["": 13, "{BLOCKED}": 1]>'
    model = ir.from_onnx_text(
        f"{header} reorder (float{list(shape)} x) => (float{list(shape)} y) {{ y = {BLOCKED}.ReorderInput (x) }}"
    )
    session = open_session(Model(model, "a model that measures the block size", ""))
    by_position = np.broadcast_to(np.arange(2, dtype=np.float32), shape)
    return int(session.run(["y"], {"x": by_position})["y"].ravel().argmax())
