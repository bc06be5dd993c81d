"""Small models for tests, from the text form of ONNX and weights as arrays."""

import numpy as np
import onnx
from onnx import numpy_helper, parser


def model(graph: str, *, opset: int = 17, ir_version: int = 8, **weights: np.ndarray) -> onnx.ModelProto:
    """A model from the text of its graph, with weights by name."""
    proto = parser.parse_model(f'<ir_version: {ir_version}, opset_import: ["" : {opset}]> {graph}')
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    return proto


def perceptron(*, batch: object = "N", seed: int = 0, units: tuple[int, int] = (7, 5)) -> onnx.ModelProto:
    """(batch, 6) -> Gemm, Relu `one` -> Gemm, Relu `two` -> Gemm -> y (batch, 4)."""
    random = np.random.default_rng(seed)
    a, b = units
    return model(
        f"""g (float[{batch}, 6] x) => (float[{batch}, 4] y) {{
            z1 = Gemm(x, W1, b1)
            h1 = Relu(z1)
            z2 = Gemm(h1, W2, b2)
            h2 = Relu(z2)
            y = MatMul(h2, W3)
        }}""",
        W1=random.standard_normal((6, a)).astype(np.float32),
        b1=random.standard_normal(a).astype(np.float32),
        W2=random.standard_normal((a, b)).astype(np.float32),
        b2=random.standard_normal(b).astype(np.float32),
        W3=random.standard_normal((b, 4)).astype(np.float32),
    )


def samples(count: int, *shape: int, seed: int = 1) -> np.ndarray:
    """Standard normal samples, float32."""
    return np.random.default_rng(seed).standard_normal((count, *(shape or (6,)))).astype(np.float32)


def make_external(tensor: onnx.TensorProto, location: str, **entries: object) -> None:
    """Turn a tensor into one with external data at a location."""
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
