"""A model as onnxruntime has optimised it, so that probes read values where they lie and nothing is optimised less.

On the CPU the runtime keeps channels in blocks from one convolution to the next (Georganas et al., Anatomy of
high-performance deep learning convolutions on SIMD architectures, 2018). A custom operator between two of them would
have every value turned into the order of its shape and back, and break up what is fused across it: both together cost
more than all that probes do. So the graph is optimised first, with taps where the probes will be, and written out; then
probes take the places of the taps, told how the values lie; and nothing is optimised any more.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx_ir as ir

from ..errors import translate_errors
from ..model.loading import Model
from ..passes.blocked import BLOCKED, Blocked, BlockedPass
from ..passes.expose_values import InstrumentPass
from .session import open_session


@dataclass(frozen=True, eq=False)
class OptimizedGraph:
    """A model, and whether it is one that the runtime has optimised.

    Args:
        model: what to put probes into.
        optimised: whether it is to be run as it is.
        block: how many channels there are in a block.
        blocked: the values that lie in blocks, by their names in the model it was made of.
    """

    model: Model
    optimised: bool
    block: int = 1
    blocked: Mapping[str, Blocked] = field(default_factory=dict)


@contextmanager
def optimize_graph(
    model: Model, values: Collection[str], *, blocks: Collection[str], threads: int | None, custom_ops: Path | None
) -> Iterator[OptimizedGraph | None]:
    """Have the runtime optimise a model for the CPU; None where none of the values comes to lie in blocks.

    What it writes is gone with the context: a session on it is to be started within.

    Args:
        model: what to optimise; it is not changed.
        values: names of the values that are to be read.
        blocks: those of them that can be read where they lie in blocks.
        threads: as in `open_session`.
        custom_ops: as in `open_session`.

    Raises:
        ModelError: the runtime refuses the model, or what it wrote cannot be read.
        OSError: there is no folder for temporary files.
    """
    if not blocks or not any(node.op_type == "Conv" for node in model.ir.graph):
        yield None
        return
    graph = model.ir.clone()
    shown = {value.name for value in graph.graph.outputs}
    tapping = InstrumentPass(values)
    tapping(graph)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        open_session(replace(model, ir=graph), threads=threads, custom_ops=custom_ops, written=path)
        read = translate_errors("read what onnxruntime made of", model.name, lambda: ir.load(path))
        undoing = BlockedPass(set(tapping.tapped.values()) - shown, blocks=blocks, size=_block())
        undoing(read)
        made = replace(model, ir=read, folder=Path(folder))
        yield OptimizedGraph(made, optimised=True, block=_block(), blocked=undoing.found) if undoing.found else None


@cache
def _block() -> int:
    """How many channels the runtime puts into a block on this processor: it is asked to turn some values around."""
    channels = 64
    shape = (1, channels, 1, 2)
    header = f'<ir_version: 8, opset_import: ["": 13, "{BLOCKED}": 1]>'
    model = ir.from_onnx_text(
        f"{header} turn (float{list(shape)} x) => (float{list(shape)} y) {{ y = {BLOCKED}.ReorderInput (x) }}"
    )
    session = open_session(Model(model, "the question how channels lie", ""))
    by_position = np.broadcast_to(np.arange(2, dtype=np.float32), shape)
    return int(session.run(["y"], {"x": by_position})["y"].ravel().argmax())
