"""The random weights of one call as ONNX functions: random words, binomial numbers from a table, s 2^e (1 + B / n).

The counterpart of `encoding.counter_rng` and `encoding.binomial_table`, in standard operators. A runtime evaluates
whatever does not depend on the seed or the samples once, when it loads the model.
"""

NUMBERS = "number, unit, shape, step_in, step_out, per_image"
INPUTS = "x, signs, exponents, levels, bias, keys, rest, width, cut, factor"

COMMON = """
        fixed = relucid.psb.Fix <step: float = @step_in> (x)
        weights = relucid.psb.Weights <number: int = @number, unit: float = @unit, shape: ints = @shape,
            step_in: float = @step_in, step_out: float = @step_out>
            (x, signs, exponents, levels, keys, rest, width, cut, factor)
"""
"""First lines of each operator: the quantized activations, and the weights drawn for this call."""

_HALF = "half = Constant <value = uint64 {32}> ()"


def _rounds() -> str:
    """The rounds of `counter_rng.squares` without its last shift: the word is the upper half of each number.

    Unrolled, since a runtime loads a few long functions faster than many calls.
    """
    lines, x = [], "y"
    for step, added in enumerate("yzy", start=1):
        lines.append(f"""
        square{step} = Mul({x}, {x})
        sum{step} = Add(square{step}, {added})
        high{step} = BitShift <direction = "RIGHT"> (sum{step}, half)
        low{step} = BitShift <direction = "LEFT"> (sum{step}, half)
        turned{step} = Add(high{step}, low{step})""")
        x = f"turned{step}"
    return "".join(lines)


BODIES = {
    "Squares": f"""(y, key) => (wide) {{
        {_HALF}
        z = Add(y, key)
        {_rounds()}
        square = Mul(turned3, turned3)
        wide = Add(square, z)
    }}""",
    "Keys": f"""(node_keys, seed) => (keys) {{
        {_HALF}
        next = Constant <value = uint64[2, 1] {{0, 1}}> ()
        places = Constant <value = uint64[2] {{4294967296, 2}}> ()
        one = Constant <value = uint64 {{1}}> ()
        number = Cast <to = 13> (seed)
        twice = Add(number, number)
        counters = Add(twice, next)
        y = Mul(counters, node_keys)
        wide = relucid.psb.Squares(y, node_keys)
        words = BitShift <direction = "RIGHT"> (wide, half)
        joined = MatMul(places, words)
        keys = Add(joined, one)
    }}""",
    "Binomial": f"""<levels> (samples, bits, starts, cuts, outcomes) => (rest, width, cut, factor) {{
        {_HALF}
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        unsigned_one = Constant <value = uint64 {{1}}> ()
        word_bits = Constant <value = uint64 {{64}}> ()
        double_one = Constant <value = double {{1.0}}> ()
        scalar = Constant <value = int64[0] {{}}> ()
        level_count = Constant <value_int: int = @levels> ()

        powers_row = Shape(bits)
        powers = Reshape(powers_row, scalar)
        each_t = Range(zero, powers, one)
        each_t_word = Cast <to = 13> (each_t)
        each_n_word = BitShift <direction = "LEFT"> (unsigned_one, each_t_word)
        each_n = Cast <to = 7> (each_n_word)
        is_n = Equal(each_n, samples)
        t_found = NonZero(is_n)
        [samples_must_be_a_power_of_two_that_the_table_has] t = Reshape(t_found, scalar)
        any_row = Constant <value = int64[1] {{-1}}> ()
        t_row = Reshape(t, any_row)

        c = Gather(bits, t)
        c_word = Cast <to = 13> (c)
        rest = Sub(word_bits, c_word)
        width_word = BitShift <direction = "LEFT"> (unsigned_one, c_word)
        width = Cast <to = 6> (width_word)
        wide_width = Cast <to = 7> (width_word)

        start = Gather(starts, t_row)
        columns = Mul(level_count, wide_width)
        end = Add(start, columns)
        cut_here = Slice(cuts, start, end)
        cut_word = Cast <to = 13> (cut_here)
        cut = BitShift <direction = "LEFT"> (cut_word, half)

        twice_start = Add(start, start)
        twice_end = Add(end, end)
        outcome = Slice(outcomes, twice_start, twice_end)
        double_outcome = Cast <to = 11> (outcome)
        n = Cast <to = 11> (samples)
        share = Div(double_outcome, n)
        factor = Add(share, double_one)
    }}""",
}
"""Signature and body of each function, by name; each function precedes its callers."""


def weights_body(*, per_image: bool) -> str:
    """Signature and body of `Weights`, which a runtime evaluates in every call: the drawn weights (image, *shape).

    They convert fixed-point integers of the input to those of the output.

    Args:
        per_image: whether each image has its own draws; otherwise the image axis has length 1.
    """
    images = """
        batch_place = Constant <value = int64 {0}> ()
        x_shape = Shape(x)
        batch = Gather(x_shape, batch_place)
        image = Range(zero, batch, one)
        image_first = Mul(image, count)
        image_column = Constant <value = int64[3] {-1, 1, 1}> ()
        first_of_image = Reshape(image_first, image_column)
        first_of_row = Add(first_of_image, first)
    """
    return f"""<number, unit, shape, step_in, step_out>
        (x, signs, exponents, levels, keys, rest, width, cut, factor) => (weights) {{
        {_HALF}
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        zero_row = Constant <value = int64[1] {{0}}> ()
        last_place = Constant <value = int64 {{-1}}> ()
        column = Constant <value = int64[2] {{-1, 1}}> ()
        table_shape = Constant <value_ints: ints = @shape> ()
        count_row = ReduceProd <keepdims = 1> (table_shape)

        signed_power_padded, level_padded = relucid.psb.Unpack
            <unit: float = @unit, step_in: float = @step_in, step_out: float = @step_out> (signs, exponents, levels)
        signed_power_flat = Slice(signed_power_padded, zero_row, count_row)
        level_flat = Slice(level_padded, zero_row, count_row)
        units = Gather(table_shape, last_place)
        units_row = Reshape(units, any_row)
        rows_shape = Concat <axis = 0> (any_row, units_row)
        signed_power = Reshape(signed_power_flat, rows_shape)
        level = Reshape(level_flat, rows_shape)
        scalar = Constant <value = int64[0] {{}}> ()
        count = Reshape(count_row, scalar)
        first_flat = Range(zero, count, units)
        first = Reshape(first_flat, column)
        {images if per_image else "first_of_row = Identity(first)"}
        first_word = Cast <to = 13> (first_of_row)
        unit = Range(zero, units, one)
        unit_word = Cast <to = 13> (unit)

        mine = Constant <value_int: int = @number> ()
        key = Gather(keys, mine)
        row = Mul(first_word, key)
        place = Mul(unit_word, key)
        y = Add(row, place)
        wide = relucid.psb.Squares(y, key)

        column_word = BitShift <direction = "RIGHT"> (wide, rest)
        column_of_level = Cast <to = 6> (column_word)
        level_start = Mul(level, width)
        entry = Add(column_of_level, level_start)
        its_cut = Gather(cut, entry)
        is_second = GreaterOrEqual(wide, its_cut)
        second = Cast <to = 6> (is_second)
        twice = Add(entry, entry)
        outcome = Add(twice, second)
        drawn = Gather(factor, outcome)
        flat = Mul(drawn, signed_power)
        images_shape = Concat <axis = 0> (any_row, table_shape)
        weights = Reshape(flat, images_shape)
    }}"""


def _widened(table: str) -> str:
    """The rows of a table with each column repeated, up to the common width, so that a word selects the same column."""
    return f"""
        {table}_scaled = Mul(column, {table}_width)
        {table}_read = Div({table}_scaled, width)
        {table}_columns = Cast <to = 7> ({table}_width)
        {table}_row = Reshape({table}_columns, any_row)
        {table}_cut_shape = Concat <axis = 0> (any_row, {table}_row)
        {table}_cuts = Reshape({table}_cut, {table}_cut_shape)
        {table}_cut_rows = Gather <axis = 1> ({table}_cuts, {table}_read)
        {table}_factor_shape = Concat <axis = 0> (any_row, {table}_row, two_row)
        {table}_factors = Reshape({table}_factor, {table}_factor_shape)
        {table}_factor_rows = Gather <axis = 1> ({table}_factors, {table}_read)"""


JOIN_BODIES = {
    "Join": f"""(base_rest, base_width, base_cut, base_factor, more_rest, more_width, more_cut, more_factor, rows)
        => (rest, width, cut, factor) {{
        zero = Constant <value = int32 {{0}}> ()
        one = Constant <value = int32 {{1}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        two_row = Constant <value = int64[1] {{2}}> ()
        rest = Min(base_rest, more_rest)
        width = Max(base_width, more_width)
        column = Range(zero, width, one)
        {_widened("base")}
        {_widened("more")}
        cuts = Concat <axis = 0> (base_cut_rows, more_cut_rows)
        factors = Concat <axis = 0> (base_factor_rows, more_factor_rows)
        cut_rows = Gather <axis = 0> (cuts, rows)
        factor_rows = Gather <axis = 0> (factors, rows)
        cut = Reshape(cut_rows, any_row)
        factor = Reshape(factor_rows, any_row)
    }}""",
}
"""Signature and body of the function, by name."""
