"""Let onnxruntime optimize a model before probes are added, so that probes do not prevent optimizations.

On the CPU, onnxruntime keeps channels in blocks from one convolution to the next (Georganas et al., Anatomy of
high-performance deep learning convolutions on SIMD architectures, 2018). A custom operator between two convolutions
would reorder every value to the plain layout and back, and prevent the fusion of operators; both together take more
time than the probes themselves. So onnxruntime first optimizes the graph, with taps where the probes will be, and
writes it to a file. Then probes replace the taps, with attributes for the blocked layout, and the result runs without
further optimization.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx_ir as ir

from ..errors import translate_errors
from ..model.loading import Model
from ..passes.blocked import BLOCKED, BlockedPass, BlockedValue
from ..passes.expose_values import InstrumentPass
from .session import open_session


@contextmanager
def optimize_graph(
    model: Model, values: Collection[str], *, blocks: Collection[str], threads: int | None, custom_ops: Path | None
) -> Iterator[tuple[Model, Mapping[str, BlockedValue]] | None]:
    """Optimize a model for the CPU; a context manager: start sessions inside it, as the weights are temporary files.

    Args:
        model: the model to optimize; it is not changed.
        values: names of the values that probes will read.
        blocks: those of them that a probe can read in the blocked layout.
        threads: as in `open_session`.
        custom_ops: as in `open_session`.

    Returns:
        The optimized model, and the values that it keeps in blocks, by their names in `model`; None if it has none.

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
        untapping = BlockedPass(set(tapping.tapped.values()) - outputs, blocks=blocks, size=block_size())
        untapping(optimized)
        yield (replace(model, ir=optimized, folder=Path(folder)), untapping.found) if untapping.found else None


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
