"""Real models give the same report with native probes and with numpy."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from relucid.analyzer.analysis import analyze
from relucid.analyzer.native import unavailable_reason
from relucid.analyzer.runtime.probe_setup import NATIVE

from .. import reference

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason=f"no native probes: {unavailable_reason()}")

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
SHARED = {
    "mnist_cntk8": "random:40",
    "marabou_mnist5x20_leaky_relu": "random:40",
    "marabou_cnn_max_mninst2": "random:40",
    "silero_vad_16k_op15": "random:4:sequence=576",
    "ultraface_RFB_320": "random:4",
    "winml_cifar_imageclassifier": "random:40",
    "mtcnn_rnet": "random:40",
}
MEASURES = ["units", "points", "patterns", "vni", "information", "global_patterns"]


def both(path: Path, data: str, measures: list[str]) -> list[str]:
    labels = np.arange(int(data.split(":")[1])) % 2
    probed, tapped = (analyze(path, data, labels=labels, measures=measures, portable=each) for each in (False, True))
    assert probed.provenance["way"] == NATIVE
    return reference.differences(probed, tapped, vni=1e-6, extents=1e-5)


@pytest.mark.parametrize("name", SHARED)
def test_shared_models(name: str, shared_models: Path) -> None:
    assert both(shared_models / f"{name}.onnx", SHARED[name], MEASURES) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in LIGHT.glob("light_*.onnx")))
def test_the_models_inside_onnx(name: str) -> None:
    assert both(LIGHT / f"{name}.onnx", "random:4", ["units", "points", "patterns", "information"]) == []
