"""The operators as ONNX functions: bodies of standard operators only, so that any ONNX runtime runs them.

Each function defines an operator of the domain `relucid.psb`; a native kernel registered under the same domain and name
overrides it. Every value computed here is a multiple of a power of two that its type represents exactly, so neither the
order of additions nor fusion nor fused multiply-add changes a bit: see docs/psb.md.
"""

import onnx
import onnx.parser
import onnx_ir as ir

from . import conv, masks, sampling, unpack
from .sampling import COMMON, INPUTS, NUMBERS

DOMAIN = "relucid.psb"
VERSION = 1
OLDEST_OPSET = 12
"""The first opset in which all operators of the bodies accept the types used."""
FIRST_IR_VERSION = 8
"""The first version of the ONNX file format with functions."""


def build_functions(opset: int, *, per_image: bool = False) -> list[ir.Function]:
    """All functions of the domain; each function precedes its callers.

    Args:
        opset: of the standard domain, 12 or newer; runtimes require it to be that of the model.
        per_image: whether each image has its own draws.

    >>> [function.name for function in build_functions(17)][:3]
    ['Squares', 'Keys', 'Binomial']
    """
    header = f'<domain: "{DOMAIN}", opset_import: ["": {opset}, "{DOMAIN}": {VERSION}]>'
    weights = {"Weights": sampling.weights_body(per_image=per_image)}
    drawing = sampling.BODIES | unpack.BODIES | weights | sampling.JOIN_BODIES
    bodies = drawing | _PRODUCTS | conv.build_bodies(per_image=per_image) | masks.BODIES
    texts = [f"{header} {name} {body}" for name, body in bodies.items()]
    return [ir.serde.deserialize_function(onnx.parser.parse_function(text)) for text in texts]


_PRODUCTS = {
    "Fix": """<step> (x) => (fixed) {
        lowest = Constant <value = float {-32768.0}> ()
        highest = Constant <value = float {32767.0}> ()
        s = Constant <value_float: float = @step> ()
        steps = Div(x, s)
        rounded = Round(steps)
        fixed = Clip(rounded, lowest, highest)
    }""",
    "Settle": """<step> (total, bias) => (y) {
        half = Constant <value = double {0.5}> ()
        lowest = Constant <value = float {-32768.0}> ()
        highest = Constant <value = float {32767.0}> ()
        s = Constant <value_float: float = @step> ()
        double_bias = Cast <to = 11> (bias)
        added = Add(double_bias, half)
        higher = Add(total, added)
        rounded = Floor(higher)
        steps = Cast <to = 1> (rounded)
        saturated = Clip(steps, lowest, highest)
        y = Mul(saturated, s)
    }""",
    "Scale": f"""<{NUMBERS}> ({INPUTS}) => (y) {{
        {COMMON}
        flat_shape = Constant <value = int64[3] {{0, 0, -1}}> ()
        flat = Reshape(fixed, flat_shape)
        double_flat = Cast <to = 11> (flat)
        column = Transpose <perm = [0, 2, 1]> (weights)
        total = Mul(column, double_flat)
        settled = relucid.psb.Settle <step: float = @step_out> (total, bias)
        x_shape = Shape(x)
        y = Reshape(settled, x_shape)
    }}""",
    "MatMul": f"""<{NUMBERS}> ({INPUTS}) => (y) {{
        {COMMON}
        zero_row = Constant <value = int64[1] {{0}}> ()
        one_row = Constant <value = int64[1] {{1}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        table_shape = Constant <value_ints: ints = @shape> ()
        inputs = Slice(table_shape, zero_row, one_row)
        two_row = Constant <value = int64[1] {{2}}> ()
        units = Slice(table_shape, one_row, two_row)
        weights_shape = Shape(weights)
        drawn = Slice(weights_shape, zero_row, one_row)
        rows_shape = Concat <axis = 0> (drawn, any_row, inputs)
        rows = Reshape(fixed, rows_shape)
        double_rows = Cast <to = 11> (rows)
        total = MatMul(double_rows, weights)
        settled = relucid.psb.Settle <step: float = @step_out> (total, bias)
        x_shape = Shape(x)
        before = Slice(x_shape, zero_row, any_row)
        y_shape = Concat <axis = 0> (before, units)
        y = Reshape(settled, y_shape)
    }}""",
}
"""Signature and body of the quantization functions and of the operators other than convolutions."""
