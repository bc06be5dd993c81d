"""Convolutions as ONNX functions: for each image, one matrix product of unfolded windows and weights (im2col)."""

from .sampling import COMMON, INPUTS, NUMBERS

_CONV = "strides, pads, dilations"
_CONV_TRANSPOSE = f"{_CONV}, output_padding, output_shape"


def build_bodies(*, per_image: bool) -> dict[str, str]:
    """Signature and body of each function, by name; each function precedes its callers.

    Args:
        per_image: whether each image has its own draws.
    """
    return {
        "ConvSeen": _window_index("Conv", _CONV),
        "ConvTransposeSeen": _window_index("ConvTranspose", _CONV_TRANSPOSE),
        "Conv": _convolution("Conv", _CONV, per_image=per_image),
        "ConvTranspose": _convolution("ConvTranspose", _CONV_TRANSPOSE, per_image=per_image),
    }


def _window_index(op_type: str, geometry: str) -> str:
    """The input position that each output reads at each tap, counted from 1; 0 for none (position, tap).

    Computed by convolving the indices of the positions with kernels that are 1 at one tap and 0 elsewhere, so that
    padding, strides and dilations are those of the runtime, for one, two or three axes. The indices are split into
    three digits below 256, which even arithmetic with 8 significant bits represents exactly.

    Args:
        op_type: Conv or ConvTranspose.
        geometry: names of the attributes that are lists of integers, separated by commas.
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


def _convolution(op_type: str, geometry: str, *, per_image: bool) -> str:
    """A convolution as one matrix product for each image: the window of each output times the table of weights.

    Image by image, since the windows of a whole batch would not fit in any cache.
    """
    lists = ", ".join(f"{name}: ints = @{name}" for name in f"kernel_shape, {geometry}".split(", "))
    own = ", double[groups, inputs, units] table" if per_image else ""
    table = "" if per_image else "table = Reshape(weights, table_shape)"
    return f"""<{NUMBERS}, kernel_shape, {geometry}, auto_pad> ({INPUTS}, size) => (y) {{
        {COMMON}
        zero_row = Constant <value = int64[1] {{0}}> ()
        one_row = Constant <value = int64[1] {{1}}> ()
        two_row = Constant <value = int64[1] {{2}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        one_before = Constant <value = int64[6] {{0, 1, 0, 0, 0, 0}}> ()
        by_output_shape = Constant <value = int64[3] {{0, 0, -1}}> ()
        half = Constant <value = double {{0.5}}> ()
        lowest = Constant <value = float {{-32768.0}}> ()
        highest = Constant <value = float {{32767.0}}> ()
        step = Constant <value_float: float = @step_out> ()
        table_shape = Constant <value_ints: ints = @shape> ()
        kernel = Constant <value_ints: ints = @kernel_shape> ()
        groups = Slice(table_shape, zero_row, one_row)
        inputs = Slice(table_shape, one_row, two_row)
        taps = ReduceProd <keepdims = 1> (kernel)
        channels = Div(inputs, taps)
        double_bias = Cast <to = 11> (bias)
        added = Add(double_bias, half)
        index, positions = relucid.psb.{op_type}Seen <{lists}, auto_pad: string = @auto_pad> (size)
        group_shape = Concat <axis = 0> (zero_row, groups, channels, any_row)
        by_channel = Reshape(fixed, group_shape)
        {table}
        settled = Scan <num_scan_inputs = {1 + per_image}, body = image
            (float[groups, channels, places] one{own}) => (float[groups, units, seen_places] made) {{
                by_place = Transpose <perm = [0, 2, 1]> (one)
                with_none = Pad(by_place, one_before)
                double_x = Cast <to = 11> (with_none)
                seen = Gather <axis = 1> (double_x, index)
                row = Reshape(seen, by_output_shape)
                total = MatMul(row, table)
                higher = Add(total, added)
                rounded = Floor(higher)
                steps = Cast <to = 1> (rounded)
                saturated = Clip(steps, lowest, highest)
                value = Mul(saturated, step)
                made = Transpose <perm = [0, 2, 1]> (value)
            }}> (by_channel{", weights" if per_image else ""})
        y_shape = Concat <axis = 0> (zero_row, any_row, positions)
        y = Reshape(settled, y_shape)
    }}"""
