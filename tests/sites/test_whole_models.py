"""Every site of models that other people made."""

from pathlib import Path

import onnx
import pytest

from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda p: p.stem)
def test_every_relu_of_the_light_models(path):
    model = load(path)
    sites = find_sites(model.ir)
    relus = [node for node in model.ir.graph if node.op_type == "Relu"]
    assert [s.activation for s in sites] == [node.outputs[0].name for node in relus]
    assert {s.kind for s in sites} == {"relu"}
    assert {s.unit_axis for s in sites} == {1}
    assert all("computed by" in s.rule for s in sites)


SHARED = {
    "mnist_cntk8": ["relu"] * 2,
    "marabou_mnist5x20_leaky_relu": ["leaky_relu"] * 6,
    "marabou_cnn_max_mninst2": ["relu"] * 3,
    "marabou_robust_model_sigmoid_linear": [],
    "silero_vad_16k_op15": ["relu"] * 5,
    "ultraface_RFB_320": ["relu"] * 37,
    "winml_cifar_imageclassifier": ["relu"] * 4,
    "mtcnn_rnet": ["prelu"] * 4,
    "qonnx_espcn_quant": ["relu"] * 4,
}


@pytest.mark.parametrize(("name", "kinds"), SHARED.items())
def test_every_site_of_the_shared_models(shared_models, manifest, name, kinds):
    """All of them are channels first or vectors, those converted from Keras too, whose inputs are channels last."""
    sites = find_sites(load(shared_models / manifest[name]["file"]).ir)
    assert [s.kind for s in sites] == kinds
    assert all(s.analysable and s.unit_axis == 1 for s in sites)
