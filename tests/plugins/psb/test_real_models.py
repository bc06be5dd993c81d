"""Trained third-party networks keep their accuracy."""

import numpy as np
import onnxruntime as ort
import pytest

from relucid.plugins import psb

IMAGES = 1000


@pytest.mark.parametrize(
    ("name", "key", "shape", "unit"),
    [("mnist_cntk8", "Input3", (1, 28, 28), 1), ("marabou_cnn_max_mninst2", "conv2d_14_input", (28, 28, 1), 255)],
)
def test_at_64_samples_accuracy_is_within_a_point_of_float(
    shared_models, shared_data, tmp_path, name, key, shape, unit
):
    with np.load(shared_data / "mnist_test.npz") as data:
        images, labels = data["images"][-IMAGES:], data["labels"][-IMAGES:]
        calibration = (data["images"][:64].reshape(-1, *shape) / unit).astype(np.float32)
    x = (images.reshape(-1, *shape) / unit).astype(np.float32)
    source = shared_models / f"{name}.onnx"
    psb.save(psb.rewrite(source, calibrate={key: calibration}), tmp_path / "psb.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4

    def accuracy(path, **inputs) -> float:
        session = ort.InferenceSession(path, options)
        fixed = isinstance(session.get_inputs()[0].shape[0], int)
        batches = np.split(x, IMAGES if fixed else 4)
        scores = [session.run(None, {key: batch} | inputs)[0].reshape(-1, 10) for batch in batches]
        return float((np.concatenate(scores).argmax(axis=1) == labels).mean())

    whole = accuracy(source)
    assert accuracy(tmp_path / "psb.onnx", samples=np.array(64)) > whole - 0.01
    assert accuracy(tmp_path / "psb.onnx", samples=np.array(1)) < whole
