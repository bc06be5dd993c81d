"""The operators as ONNX functions: bodies of standard operators only, so that any ONNX runtime runs them.

Each function is the normative form of an operator of our own domain; a native kernel registered under the same domain
and name takes its place. Every value computed here is a whole multiple of a power of two that its type holds exactly,
so no order of additions, no fusion and no fast multiply-add changes a bit: see docs/psb.md.
"""

import onnx
import onnx.parser
import onnx_ir as ir

from .drawing import BODIES

DOMAIN = "relucid.psb"
VERSION = 1
OLDEST_OPSET = 12
"""The first opset in which every operator the bodies use takes the types they need."""
FIRST_IR_VERSION = 8
"""The first version of ONNX files that have functions."""


def functions(opset: int) -> list[ir.Function]:
    """All functions of the domain, with bodies in this opset of the standard domain; those that are called come first.

    Args:
        opset: that of the model they go into, which every runtime wants them to share; 12 or newer.

    >>> [function.name for function in functions(17)][-4:]
    ['ConvSeen', 'ConvTransposeSeen', 'Conv', 'ConvTranspose']
    """
    header = f'<domain: "{DOMAIN}", opset_import: ["": {opset}, "{DOMAIN}": {VERSION}]>'
    texts = [f"{header} {name} {body}" for name, body in (BODIES | _OPERATORS).items()]
    return [ir.serde.deserialize_function(onnx.parser.parse_function(text)) for text in texts]


_NUMBERS = "key, unit, shape, step_in, step_out, per_image"
_INPUTS = "x, signs, exponents, levels, bias, samples, seed, bits, starts, cuts, outcomes"

_COMMON = """
        zero_row = Constant <value = int64[1] {0}> ()
        one_row = Constant <value = int64[1] {1}> ()
        two_row = Constant <value = int64[1] {2}> ()
        three_row = Constant <value = int64[1] {3}> ()
        any_row = Constant <value = int64[1] {-1}> ()
        end_row = Constant <value = int64[1] {9223372036854775807}> ()
        images = relucid.psb.Images <per_image: int = @per_image> (x)
        fixed = relucid.psb.Fix <step: float = @step_in> (x)
        x_shape = Shape(x)
        table_shape = Constant <value_ints: ints = @shape> ()
        weights = relucid.psb.Weights <key: int = @key, unit: float = @unit, shape: ints = @shape>
            (signs, exponents, levels, samples, seed, bits, starts, cuts, outcomes, images)
"""


def _seen(op_type: str, geometry: str) -> str:
    """Which position of the input each output sees through each tap: 1 and up, or 0 for none (position, tap).

    A convolution of the positions' own numbers with kernels that are 1 at one tap and 0 elsewhere. So padding, strides
    and dilations are those of the runtime, for one, two or three axes alike. The numbers go in as three digits below
    256, which even arithmetic with 8 significant bits takes unchanged.

    Args:
        op_type: Conv or ConvTranspose.
        geometry: names of the attributes that are lists of whole numbers.
    """
    lists = ", ".join(f"{name}: ints = @{name}" for name in geometry.split(", "))
    taps = "count, one_row, kernel" if op_type == "Conv" else "one_row, count, kernel"
    return f"""<kernel_shape, {geometry}, auto_pad> (size) => (index, positions) {{
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        base = Constant <value = int64 {{256}}> ()
        scalar = Constant <value = int64[0] {{}}> ()
        one_row = Constant <value = int64[1] {{1}}> ()
        two_row = Constant <value = int64[1] {{2}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        end_row = Constant <value = int64[1] {{9223372036854775807}}> ()
        digit_column = Constant <value = int64[2] {{3, 1}}> ()
        digit_row = Constant <value = int64[2] {{1, 3}}> ()
        digit_first = Constant <value = int64[2] {{3, -1}}> ()
        place_value = Constant <value = int64[3] {{1, 256, 65536}}> ()
        kernel = Constant <value_ints: ints = @kernel_shape> ()

        count = ReduceProd <keepdims = 1> (kernel)
        square = Concat <axis = 0> (count, count)
        empty = ConstantOfShape(square)
        eye = EyeLike <dtype = 1> (empty)
        taps_shape = Concat <axis = 0> ({taps})
        taps = Reshape(eye, taps_shape)

        last_row = ReduceProd <keepdims = 1> (size)
        last = Reshape(last_row, scalar)
        end = Add(last, one)
        number = Range(one, end, one)
        by_digit = Reshape(place_value, digit_column)
        shifted = Div(number, by_digit)
        digit = Mod(shifted, base)
        float_digit = Cast <to = 1> (digit)
        image_shape = Concat <axis = 0> (any_row, one_row, size)
        image = Reshape(float_digit, image_shape)
        seen = {op_type} <{lists}, auto_pad: string = @auto_pad> (image, taps)
        seen_digit = Cast <to = 7> (seen)
        digit_rows = Reshape(seen_digit, digit_first)
        values = Reshape(place_value, digit_row)
        flat = MatMul(values, digit_rows)
        index_shape = Concat <axis = 0> (count, any_row)
        by_tap = Reshape(flat, index_shape)
        index = Transpose <perm = [1, 0]> (by_tap)
        seen_shape = Shape(seen)
        positions = Slice(seen_shape, two_row, end_row)
    }}"""


def _convolution(op_type: str, geometry: str) -> str:
    """A convolution as one product: what each output sees, side by side, times the table of weights."""
    lists = ", ".join(f"{name}: ints = @{name}" for name in f"kernel_shape, {geometry}".split(", "))
    return f"""<{_NUMBERS}, kernel_shape, {geometry}, auto_pad> ({_INPUTS}) => (y) {{
        {_COMMON}
        nothing = Constant <value = double[1] {{0.0}}> ()
        groups = Slice(table_shape, zero_row, one_row)
        inputs = Slice(table_shape, one_row, two_row)
        units = Slice(table_shape, two_row, three_row)
        batch = Slice(x_shape, zero_row, one_row)
        size = Slice(x_shape, two_row, end_row)
        places = ReduceProd <keepdims = 1> (size)
        group_shape = Concat <axis = 0> (batch, groups, any_row, places)
        by_channel = Reshape(fixed, group_shape)
        by_place = Transpose <perm = [0, 1, 3, 2]> (by_channel)
        double_x = Cast <to = 11> (by_place)
        double_shape = Shape(double_x)
        in_group = Slice(double_shape, three_row, end_row)
        none_shape = Concat <axis = 0> (batch, groups, one_row, in_group)
        none = Expand(nothing, none_shape)
        with_none = Concat <axis = 2> (none, double_x)
        index, positions = relucid.psb.{op_type}Seen <{lists}, auto_pad: string = @auto_pad> (size)
        seen = Gather <axis = 2> (with_none, index)
        seen_shape = Concat <axis = 0> (batch, groups, any_row, inputs)
        row = Reshape(seen, seen_shape)
        total = MatMul(row, weights)
        settled = relucid.psb.Settle <step: float = @step_out> (total, bias)
        by_unit = Transpose <perm = [0, 1, 3, 2]> (settled)
        made = Mul(groups, units)
        y_shape = Concat <axis = 0> (batch, made, positions)
        y = Reshape(by_unit, y_shape)
    }}"""


_CONV = "strides, pads, dilations"
_CONV_TRANSPOSE = f"{_CONV}, output_padding, output_shape"

_OPERATORS = {
    "Fix": """<step> (x) => (fixed) {
        lowest = Constant <value = float {-32768.0}> ()
        highest = Constant <value = float {32767.0}> ()
        s = Constant <value_float: float = @step> ()
        steps = Div(x, s)
        rounded = Round(steps)
        saturated = Clip(rounded, lowest, highest)
        fixed = Mul(saturated, s)
    }""",
    "Settle": """<step> (total, bias) => (y) {
        half = Constant <value = double {0.5}> ()
        lowest = Constant <value = double {-32768.0}> ()
        highest = Constant <value = double {32767.0}> ()
        float_step = Constant <value_float: float = @step> ()
        s = Cast <to = 11> (float_step)
        double_bias = Cast <to = 11> (bias)
        steps = Div(total, s)
        higher = Add(steps, half)
        rounded = Floor(higher)
        biased = Add(rounded, double_bias)
        saturated = Clip(biased, lowest, highest)
        value = Mul(saturated, s)
        y = Cast <to = 1> (value)
    }""",
    "Scale": f"""<{_NUMBERS}> ({_INPUTS}) => (y) {{
        {_COMMON}
        channels = Slice(x_shape, zero_row, two_row)
        flat_shape = Concat <axis = 0> (channels, any_row)
        flat = Reshape(fixed, flat_shape)
        double_flat = Cast <to = 11> (flat)
        column = Transpose <perm = [0, 2, 1]> (weights)
        total = Mul(column, double_flat)
        settled = relucid.psb.Settle <step: float = @step_out> (total, bias)
        y = Reshape(settled, x_shape)
    }}""",
    "MatMul": f"""<{_NUMBERS}> ({_INPUTS}) => (y) {{
        {_COMMON}
        weights_shape = Shape(weights)
        drawn = Slice(weights_shape, zero_row, one_row)
        inputs = Slice(table_shape, zero_row, one_row)
        units = Slice(table_shape, one_row, two_row)
        rows_shape = Concat <axis = 0> (drawn, any_row, inputs)
        rows = Reshape(fixed, rows_shape)
        double_rows = Cast <to = 11> (rows)
        total = MatMul(double_rows, weights)
        settled = relucid.psb.Settle <step: float = @step_out> (total, bias)
        before = Slice(x_shape, zero_row, any_row)
        y_shape = Concat <axis = 0> (before, units)
        y = Reshape(settled, y_shape)
    }}""",
    "ConvSeen": _seen("Conv", _CONV),
    "ConvTransposeSeen": _seen("ConvTranspose", _CONV_TRANSPOSE),
    "Conv": _convolution("Conv", _CONV),
    "ConvTranspose": _convolution("ConvTranspose", _CONV_TRANSPOSE),
}
