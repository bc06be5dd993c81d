"""The weights of one call, as ONNX functions: words from counters, binomial numbers from a table, 2^e (1 + B / n).

The counterpart of `words.py`, `draws.py` and `packing.py`, in standard operators. All of it that does not depend on the
seed or the samples a runtime computes once, when it loads the model.
"""

_TABLE = "signs, exponents, levels, samples, seed, bits, starts, cuts, outcomes"

BODIES = {
    "Mix": """(x, y) => (mixed) {
        half = Constant <value = uint64 {32}> ()
        square = Mul(x, x)
        sum = Add(square, y)
        high = BitShift <direction = "RIGHT"> (sum, half)
        low = BitShift <direction = "LEFT"> (sum, half)
        mixed = Add(high, low)
    }""",
    "Squares": """(counter, key) => (word) {
        half = Constant <value = uint64 {32}> ()
        y = Mul(counter, key)
        z = Add(y, key)
        first = relucid.psb.Mix(y, y)
        second = relucid.psb.Mix(first, z)
        third = relucid.psb.Mix(second, y)
        square = Mul(third, third)
        sum = Add(square, z)
        word = BitShift <direction = "RIGHT"> (sum, half)
    }""",
    "Derive": """(key, number) => (derived) {
        next = Constant <value = uint64[2] {0, 1}> ()
        places = Constant <value = uint64[2] {4294967296, 2}> ()
        one = Constant <value = uint64 {1}> ()
        twice = Add(number, number)
        counters = Add(twice, next)
        words = relucid.psb.Squares(counters, key)
        joined = MatMul(words, places)
        derived = Add(joined, one)
    }""",
    "Draw": """<key> (levels, samples, seed, bits, starts, cuts, outcomes, images) => (share) {
        zero = Constant <value = int64 {0}> ()
        one = Constant <value = int64 {1}> ()
        unsigned_one = Constant <value = uint64 {1}> ()
        word_bits = Constant <value = uint64 {32}> ()
        scalar = Constant <value = int64[0] {}> ()
        column_shape = Constant <value = int64[2] {-1, 1}> ()

        node_key = Constant <value_int: int = @key> ()
        node_key_word = Cast <to = 13> (node_key)
        seed_word = Cast <to = 13> (seed)
        call_key = relucid.psb.Derive(node_key_word, seed_word)

        weights_row = Shape(levels)
        weights = Reshape(weights_row, scalar)
        index = Range(zero, weights, one)
        image = Range(zero, images, one)
        first_flat = Mul(image, weights)
        first = Reshape(first_flat, column_shape)
        counter = Add(first, index)
        counter_word = Cast <to = 13> (counter)
        word = relucid.psb.Squares(counter_word, call_key)

        powers_row = Shape(bits)
        powers = Reshape(powers_row, scalar)
        each_t = Range(zero, powers, one)
        each_t_word = Cast <to = 13> (each_t)
        each_n_word = BitShift <direction = "LEFT"> (unsigned_one, each_t_word)
        each_n = Cast <to = 7> (each_n_word)
        is_n = Equal(each_n, samples)
        t_found = NonZero(is_n)
        [samples_must_be_a_power_of_two_that_the_table_has] t = Reshape(t_found, scalar)

        c = Gather(bits, t)
        start = Gather(starts, t)
        c_word = Cast <to = 13> (c)
        rest_bits = Sub(word_bits, c_word)
        column_word = BitShift <direction = "RIGHT"> (word, rest_bits)
        column_of_level = Cast <to = 7> (column_word)
        width_word = BitShift <direction = "LEFT"> (unsigned_one, c_word)
        width = Cast <to = 7> (width_word)
        level_place = Mul(levels, width)
        level_start = Add(level_place, start)
        column = Add(level_start, column_of_level)

        signed_cuts = Cast <to = 7> (cuts)
        cut = Gather(signed_cuts, column)
        signed_word = Cast <to = 7> (word)
        is_second = GreaterOrEqual(signed_word, cut)
        second = Cast <to = 7> (is_second)
        twice = Add(column, column)
        place = Add(twice, second)
        double_outcomes = Cast <to = 11> (outcomes)
        ones = Gather(double_outcomes, place)
        n = Cast <to = 11> (samples)
        share = Div(ones, n)
    }""",
    "Unpack": """(planes, count) => (numbers) {
        places = Constant <value = uint8[8] {7, 6, 5, 4, 3, 2, 1, 0}> ()
        two = Constant <value = uint8 {2}> ()
        one = Constant <value = int64 {1}> ()
        minus_one = Constant <value = int64 {-1}> ()
        zero_row = Constant <value = int64[1] {0}> ()
        one_row = Constant <value = int64[1] {1}> ()
        unsigned_one = Constant <value = uint64 {1}> ()
        scalar = Constant <value = int64[0] {}> ()
        bytes_shape = Constant <value = int64[3] {0, -1, 1}> ()
        plane_shape = Constant <value = int64[2] {0, -1}> ()
        row_shape = Constant <value = int64[2] {1, -1}> ()
        flat_shape = Constant <value = int64[1] {-1}> ()

        bytes = Reshape(planes, bytes_shape)
        shifted = BitShift <direction = "RIGHT"> (bytes, places)
        bit_of_byte = Mod(shifted, two)
        bit = Reshape(bit_of_byte, plane_shape)
        double_bit = Cast <to = 11> (bit)

        shape = Shape(planes)
        plane_count_row = Slice(shape, zero_row, one_row)
        plane_count = Reshape(plane_count_row, scalar)
        highest = Sub(plane_count, one)
        exponent = Range(highest, minus_one, minus_one)
        exponent_word = Cast <to = 13> (exponent)
        power_word = BitShift <direction = "LEFT"> (unsigned_one, exponent_word)
        power_flat = Cast <to = 11> (power_word)
        power = Reshape(power_flat, row_shape)

        padded_row = MatMul(power, double_bit)
        padded = Reshape(padded_row, flat_shape)
        double_numbers = Slice(padded, zero_row, count)
        numbers = Cast <to = 7> (double_numbers)
    }""",
    "Weights": f"""<key, unit, shape> ({_TABLE}, images) => (weights) {{
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        unsigned_one = Constant <value = uint64 {{1}}> ()
        double_one = Constant <value = double {{1.0}}> ()
        double_two = Constant <value = double {{2.0}}> ()
        any_row = Constant <value = int64[1] {{-1}}> ()
        table_shape = Constant <value_ints: ints = @shape> ()
        float_unit = Constant <value_float: float = @unit> ()
        double_unit = Cast <to = 11> (float_unit)
        count = ReduceProd <keepdims = 1> (table_shape)

        negative = relucid.psb.Unpack(signs, count)
        double_negative = Cast <to = 11> (negative)
        twice_negative = Mul(double_negative, double_two)
        sign = Sub(double_one, twice_negative)

        code = relucid.psb.Unpack(exponents, count)
        present = Min(code, one)
        double_present = Cast <to = 11> (present)
        below = Sub(code, one)
        shift = Max(below, zero)
        shift_word = Cast <to = 13> (shift)
        power_word = BitShift <direction = "LEFT"> (unsigned_one, shift_word)
        power = Cast <to = 11> (power_word)
        magnitude = Mul(power, double_unit)
        magnitude_or_zero = Mul(magnitude, double_present)
        scale = Mul(magnitude_or_zero, sign)

        level = relucid.psb.Unpack(levels, count)
        share = relucid.psb.Draw <key: int = @key> (level, samples, seed, bits, starts, cuts, outcomes, images)
        factor = Add(share, double_one)
        flat = Mul(scale, factor)
        images_shape = Concat <axis = 0> (any_row, table_shape)
        weights = Reshape(flat, images_shape)
    }}""",
    "Images": """<per_image> (x) => (images) {
        one = Constant <value = int64 {1}> ()
        scalar = Constant <value = int64[0] {}> ()
        zero_row = Constant <value = int64[1] {0}> ()
        one_row = Constant <value = int64[1] {1}> ()
        each = Constant <value_int: int = @per_image> ()
        shape = Shape(x)
        batch_row = Slice(shape, zero_row, one_row)
        batch = Reshape(batch_row, scalar)
        others = Sub(batch, one)
        more = Mul(others, each)
        images = Add(more, one)
    }""",
}
"""Signature and body of each function, by name; those that are called come first."""
