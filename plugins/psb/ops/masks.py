"""The masks of `attention.uncertainty` as ONNX functions of standard operators."""

MOST_AXES = 3


def _score(summand: str, first: str) -> str:
    """Minus the sum, over the last axis, of a summand times the log-softmax: (sample, position ..., 1)."""
    return f"""(a) => (h) {{
        one_row = Constant <value = int64[1] {{1}}> ()
        minus_row = Constant <value = int64[1] {{-1}}> ()
        end_row = Constant <value = int64[1] {{9223372036854775807}}> ()
        log_q = LogSoftmax <axis = -1> (a)
        {first}
        parts = Mul({summand}, log_q)
        shape = Shape(a)
        units = Slice(shape, minus_row, end_row)
        column_shape = Concat <axis = 0> (units, one_row)
        minus_ones = ConstantOfShape <value = float[1] {{-1.0}}> (column_shape)
        h = MatMul(parts, minus_ones)
    }}"""


def _stretch(axes: int) -> str:
    """A mask (sample, 1, position ...) resized to the positions of another array, as in `uncertainty.resize_mask`."""
    steps = []
    for axis in range(2, axes + 2):
        before = "mask" if axis == 2 else f"read{axis - 1}"
        after = "stretched" if axis == axes + 1 else f"read{axis}"
        steps.append(f"""
        place{axis} = Constant <value = int64 {{{axis}}}> ()
        wanted{axis} = Gather(shape, place{axis})
        there{axis} = Gather(mask_shape, place{axis})
        position{axis} = Range(zero, wanted{axis}, one)
        scaled{axis} = Mul(position{axis}, there{axis})
        source{axis} = Div(scaled{axis}, wanted{axis})
        {after} = Gather <axis = {axis}> ({before}, source{axis})""")
    return f"""(mask, y) => (inside) {{
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        shape = Shape(y)
        mask_shape = Shape(mask)
        {"".join(steps)}
        inside = Cast <to = 9> (stretched)
    }}"""


BODIES = {
    "Entropy": _score("q", "q = Exp(log_q)"),
    "FeatureCrossEntropy": _score("a", ""),
    "AboveMean": """(h) => (mask) {
        one = Constant <value = int64 {1}> ()
        one_row = Constant <value = int64[1] {1}> ()
        minus_row = Constant <value = int64[1] {-1}> ()
        row_shape = Constant <value = int64[2] {0, -1}> ()
        rows = Reshape(h, row_shape)
        shape = Shape(rows)
        count = Gather(shape, one)
        count_row = Reshape(count, one_row)
        column_shape = Concat <axis = 0> (count_row, one_row)
        ones = ConstantOfShape <value = float[1] {1.0}> (column_shape)
        sum = MatMul(rows, ones)
        float_count = Cast <to = 1> (count)
        mean = Div(sum, float_count)
        above = Greater(rows, mean)
        flat = Cast <to = 1> (above)
        h_shape = Shape(h)
        zero_row = Constant <value = int64[1] {0}> ()
        samples = Slice(h_shape, zero_row, one_row)
        positions = Slice(h_shape, one_row, minus_row)
        mask_shape = Concat <axis = 0> (samples, one_row, positions)
        mask = Reshape(flat, mask_shape)
    }""",
    "RandomMask": """<number, limit> (features, keys) => (mask) {
        zero = Constant <value = int64 {0}> ()
        one = Constant <value = int64 {1}> ()
        scalar = Constant <value = int64[0] {}> ()
        zero_row = Constant <value = int64[1] {0}> ()
        one_row = Constant <value = int64[1] {1}> ()
        two_row = Constant <value = int64[1] {2}> ()
        end_row = Constant <value = int64[1] {9223372036854775807}> ()
        shape = Shape(features)
        samples = Slice(shape, zero_row, one_row)
        positions = Slice(shape, two_row, end_row)
        mask_shape = Concat <axis = 0> (samples, one_row, positions)
        count_row = ReduceProd <keepdims = 1> (mask_shape)
        count = Reshape(count_row, scalar)
        index = Range(zero, count, one)
        counter = Cast <to = 13> (index)
        half = Constant <value = uint64 {32}> ()
        mine = Constant <value_int: int = @number> ()
        key = Gather(keys, mine)
        y = Mul(counter, key)
        wide = relucid.psb.Squares(y, key)
        word = BitShift <direction = "RIGHT"> (wide, half)
        signed_word = Cast <to = 7> (word)
        most = Constant <value_int: int = @limit> ()
        chosen = Less(signed_word, most)
        flat = Cast <to = 1> (chosen)
        mask = Reshape(flat, mask_shape)
    }""",
    **{f"Stretch{axes}": _stretch(axes) for axes in range(1, MOST_AXES + 1)},
}
"""Signature and body of each function, by name."""
