"""Plain onnxruntime, the measure of everything here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

Images = NDArray[Any]


def options(threads: int) -> onnxruntime.SessionOptions:
    """The options all contenders share: as many threads, which sleep while they wait, as those of relucid do."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.log_severity_level = 3
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return chosen


def open_plain(path: str | Path, threads: int) -> onnxruntime.InferenceSession:
    """The model as it is, all optimisations on."""
    return onnxruntime.InferenceSession(path, options(threads), providers=["CPUExecutionProvider"])


def run_plain(path: Path, batches: Iterable[Images], threads: int) -> None:
    """Infer all batches, from the file to the last output."""
    session = open_plain(path, threads)
    name = session.get_inputs()[0].name
    for batch in batches:
        session.run(None, {name: batch})
