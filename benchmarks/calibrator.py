"""onnxruntime's own MinMax calibrator, as its quantization tools use it."""

from collections.abc import Iterable
from pathlib import Path

import onnxruntime
from onnxruntime.quantization.calibrate import CalibrationDataReader, MinMaxCalibrater
from plain import Images, options


class Calibrator(MinMaxCalibrater):  # type: ignore[misc]
    """The calibrator with the thread options of the other contenders; its optimizations are off, its default."""

    threads = 1

    def create_inference_session(self) -> None:
        """Create the session with our options; the original accepts none."""
        chosen = options(self.threads)
        chosen.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.infer_session = onnxruntime.InferenceSession(self.augmented_model_path, chosen, self.execution_providers)


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds batches to the calibrator."""

    def __init__(self, name: str, batches: Iterable[Images]) -> None:
        self.name, self.batches = name, iter(batches)

    def get_next(self) -> dict[str, Images] | None:
        """Return the next feed, None at the end."""
        return next(({self.name: batch} for batch in self.batches), None)


def run_calibrator(path: Path, batches: Iterable[Images], threads: int) -> None:
    """Compute the ranges of the tensors around the ReLUs; the instrumented model is written next to the model."""
    calibrator = Calibrator(path, ["Relu"], augmented_model_path=str(path.with_suffix(".augmented.onnx")))
    calibrator.threads = threads
    calibrator.augment_graph()
    calibrator.create_inference_session()
    calibrator.collect_data(Reader(calibrator.model.graph.input[0].name, batches))
