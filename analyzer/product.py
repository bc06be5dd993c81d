"""Products of float64 matrices by the kernels of the runtime, which are faster than numpy's on many processors."""

from functools import cache

import onnx_ir as ir

from .runtime import onnxruntime
from .stats.covariance import Doubles, Product


@cache
def runtime_product() -> Product:
    """What gives a b^T of float64 matrices (unit, row) and (other unit, row), in the thread that calls it.

    >>> import numpy as np
    >>> runtime_product()(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])).tolist()
    [[11.0, 17.0]]
    """
    a, b = (ir.Value(name=name, type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape([None, None])) for name in "ab")
    node = ir.node("Gemm", [a, b], attributes={"transB": 1}, outputs=[ir.Value(name="c", type=a.type, shape=a.shape)])
    graph = ir.Graph([a, b], node.outputs, nodes=[node], opset_imports={"": 13}, name="product")
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    model = ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def product(a: Doubles, b: Doubles) -> Doubles:
        found: Doubles = session.run(None, {"a": a, "b": b})[0]
        return found

    return product
