"""Plain onnxruntime, the baseline of the benchmarks."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

Images = NDArray[Any]


def options(threads: int) -> onnxruntime.SessionOptions:
    """Return the session options of all contenders: the number of threads, which do not spin while waiting."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.log_severity_level = 3
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return chosen


def open_plain(path: str | Path, threads: int) -> onnxruntime.InferenceSession:
    """Open the unchanged model with all optimizations."""
    return onnxruntime.InferenceSession(path, options(threads), providers=["CPUExecutionProvider"])


def run_plain(path: Path, batches: Iterable[Images], threads: int) -> None:
    """Load the model and run all batches."""
    session = open_plain(path, threads)
    name = session.get_inputs()[0].name
    for batch in batches:
        session.run(None, {name: batch})
