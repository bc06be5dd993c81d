"""The probes as ONNX functions: standard operators that reduce the values of a site to a few numbers.

Each function is the reference for an operator of the domain `relucid`; a native kernel registered under the same domain
and name replaces it. Integers are exact: counts are summed in float64, and keys in parts of `PART_BITS` bits, whose
sums float64 holds exactly; Add combines them, since some runtimes sum int64 in float64.
"""

import onnx
import onnx.parser
import onnx_ir as ir

DOMAIN = "relucid"
VERSION = 1
OLDEST_OPSET = 18
"""The first opset whose operators take axes as inputs and have bitwise operations on integers."""
FIRST_IR_VERSION = 8
"""The first version of ONNX files with functions."""

WORD = 64
PART_BITS = 22
"""Bits of a word that are summed together: float64 holds the sum of 2^31 such parts exactly."""


def build_functions(opset: int) -> list[ir.Function]:
    """Return all functions of the domain; each precedes the functions that call it.

    Args:
        opset: the opset of the model to which they are added, since runtimes require the same one; 18 or newer.

    >>> [function.name for function in build_functions(18)][-3:]
    ['Probe', 'ReluProbe', 'CoMoment']
    """
    header = f'<domain: "{DOMAIN}", opset_import: ["": {opset}, "{DOMAIN}": {VERSION}]>'
    texts = [f"{header} {name} {body}" for name, body in _BODIES.items()]
    return [ir.serde.deserialize_function(onnx.parser.parse_function(text)) for text in texts]


def _signed(word: int) -> int:
    """Return the int64 with the same 64 bits: runtimes have more kernels for int64 than for uint64."""
    return word - 2**WORD if word >= 2 ** (WORD - 1) else word


_MIX = f"""(x) => (y) {{
        first = Constant <value = int64 {{{_signed(0xBF58476D1CE4E5B9)}}}> ()
        second = Constant <value = int64 {{{_signed(0x94D049BB133111EB)}}}> ()
        a_shift = Constant <value = uint64 {{30}}> ()
        b_shift = Constant <value = uint64 {{27}}> ()
        c_shift = Constant <value = uint64 {{31}}> ()
        a = Cast <to = 13> (x)
        a_high = BitShift <direction = "RIGHT"> (a, a_shift)
        a_mixed = BitwiseXor (a, a_high)
        a_signed = Cast <to = 7> (a_mixed)
        b_signed = Mul (a_signed, first)
        b = Cast <to = 13> (b_signed)
        b_high = BitShift <direction = "RIGHT"> (b, b_shift)
        b_mixed = BitwiseXor (b, b_high)
        b_again = Cast <to = 7> (b_mixed)
        c_signed = Mul (b_again, second)
        c = Cast <to = 13> (c_signed)
        c_high = BitShift <direction = "RIGHT"> (c, c_shift)
        c_mixed = BitwiseXor (c, c_high)
        y = Cast <to = 7> (c_mixed)
    }}"""

_STREAM = f"""<keys_seed> (count) => (words) {{
        one = Constant <value = int64 {{1}}> ()
        golden = Constant <value = int64 {{{_signed(0x9E3779B97F4A7C15)}}}> ()
        seed = Constant <value_int: int = @keys_seed> ()
        start = relucid.Mix (seed)
        end = Add (count, one)
        number = Range (one, end, one)
        step = Mul (number, golden)
        place = Add (start, step)
        words = relucid.Mix (place)
    }}"""

_WORDS = f"""<keys_seed> (units) => (words) {{
        zero = Constant <value = int64 {{0}}> ()
        one = Constant <value = int64 {{1}}> ()
        word = Constant <value = int64 {{{WORD}}}> ()
        last_bit = Constant <value = int64 {{{WORD - 1}}}> ()
        bit = Constant <value = uint64 {{1}}> ()
        number = Range (zero, units, one)
        place = Min (number, last_bit)
        shift = Cast <to = 13> (place)
        single = BitShift <direction = "LEFT"> (bit, shift)
        few = Cast <to = 7> (single)
        many = relucid.Stream <keys_seed: int = @keys_seed> (units)
        are_many = Greater (units, word)
        words = Where (are_many, many, few)
    }}"""

_PRODUCT = """(sizes, first, end) => (product) {
        one_row = Constant <value = int64[1] {1}> ()
        part = Slice (sizes, first, end)
        factors = Concat <axis = 0> (one_row, part)
        product = ReduceProd <keepdims = 1> (factors)
    }"""

_ARRANGE = """<sample_axis, unit_axis, every_position> (z) => (arranged) {
        zero_row = Constant <value = int64[1] {0}> ()
        one_row = Constant <value = int64[1] {1}> ()
        rest_row = Constant <value = int64[1] {-1}> ()
        sample_int = Constant <value_int: int = @sample_axis> ()
        unit_int = Constant <value_int: int = @unit_axis> ()
        every_int = Constant <value_int: int = @every_position> ()
        sizes = Shape (z)
        rank = Shape (sizes)
        sample = Mod (sample_int, rank)
        after_sample = Add (sample, one_row)
        samples = Slice (sizes, sample, after_sample)
        before_sizes = Slice (sizes, zero_row, sample)
        after_sizes = Slice (sizes, after_sample, rank)
        before_sample = relucid.Product (sizes, zero_row, sample)
        around = Concat <axis = 0> (before_sample, samples, rest_row)
        split = Reshape (z, around)
        by_sample = Transpose <perm = [1, 0, 2]> (split)

        own_sizes = Concat <axis = 0> (before_sizes, after_sizes)
        own_rank = Sub (rank, one_row)
        unit_in_z = Mod (unit_int, rank)
        is_behind = Greater (unit_in_z, sample)
        shift = Cast <to = 7> (is_behind)
        unit = Sub (unit_in_z, shift)
        after_unit = Add (unit, one_row)
        every = Cast <to = 9> (every_int)
        first = Where (every, zero_row, unit)
        end = Where (every, own_rank, after_unit)
        before = relucid.Product (own_sizes, zero_row, first)
        units = relucid.Product (own_sizes, first, end)
        after = relucid.Product (own_sizes, end, own_rank)
        shape = Concat <axis = 0> (samples, before, units, after)
        arranged = Reshape (by_sample, shape)
    }"""

_KEYS = f"""<keys_seed, want_keys> (active) => (keys) {{
        zero_row = Constant <value = int64[1] {{0}}> ()
        one_row = Constant <value = int64[1] {{1}}> ()
        two_row = Constant <value = int64[1] {{2}}> ()
        three_row = Constant <value = int64[1] {{3}}> ()
        four_row = Constant <value = int64[1] {{4}}> ()
        scalar = Constant <value = int64[0] {{}}> ()
        one = Constant <value = int64 {{1}}> ()
        shifts = Constant <value = uint64[3, 1] {{0, {PART_BITS}, {2 * PART_BITS}}}> ()
        scales = Constant <value = int64[3, 1] {{1, {2**PART_BITS}, {4**PART_BITS}}}> ()
        mask = Constant <value = uint64 {{{2**PART_BITS - 1}}}> ()
        with_keys = Constant <value_int: int = @want_keys> ()
        sizes = Shape (active)
        all_samples = Slice (sizes, zero_row, one_row)
        samples = Mul (all_samples, with_keys)
        unit_row = Slice (sizes, two_row, three_row)
        after = Slice (sizes, three_row, four_row)
        after_taken = Mul (after, with_keys)
        taken = Slice (active, zero_row, after_taken, three_row)
        signs = Cast <to = 11> (taken)
        units = Reshape (unit_row, scalar)
        words = relucid.Words <keys_seed: int = @keys_seed> (units)
        unsigned = Cast <to = 13> (words)
        shifted = BitShift <direction = "RIGHT"> (unsigned, shifts)
        cut = BitwiseAnd (shifted, mask)
        pieces = Cast <to = 11> (cut)
        sums = MatMul (pieces, signs)
        whole_sums = Cast <to = 7> (sums)
        placed = Mul (whole_sums, scales)
        low_part, middle_part, high_part = Split <axis = 2, num_outputs = 3> (placed)
        lower = Add (low_part, middle_part)
        total = Add (lower, high_part)
        before = Slice (sizes, one_row, two_row)
        positions = Mul (before, after)
        shape = Concat <axis = 0> (samples, positions)
        by_position = Reshape <allowzero = 1> (total, shape)
        salt = relucid.Stream <keys_seed: int = @keys_seed> (one)
        salted = Add (by_position, salt)
        mixed = relucid.Mix (salted)
        keys = Cast <to = 13> (mixed)
    }}"""

_NUMBERS = "low, high, active, dead, linear, finite, keys"
_AXES = "sample_axis: int = @sample_axis, unit_axis: int = @unit_axis, every_position: int = @every_position"
_ATTRIBUTES = "sample_axis, unit_axis, threshold, keys_seed, want_keys, every_position, numbers"

_PROBE = f"""<{_ATTRIBUTES}> (z) => ({_NUMBERS}) {{
        unit_axes = Constant <value = int64[3] {{0, 1, 3}}> ()
        sample_axes = Constant <value = int64[3] {{1, 2, 3}}> ()
        float_zero = Constant <value = float {{0.0}}> ()
        bound = Constant <value_float: float = @threshold> ()
        arranged = relucid.Arrange <{_AXES}> (z)
        plain = Cast <to: int = @numbers> (arranged)
        zero = CastLike (float_zero, plain)
        from = CastLike (bound, plain)
        x = Sub (plain, from)
        low = ReduceMin <keepdims = 0> (x, unit_axes)
        high = ReduceMax <keepdims = 0> (x, unit_axes)
        top = ReduceMax <keepdims = 0> (x, sample_axes)
        bottom = ReduceMin <keepdims = 0> (x, sample_axes)
        dead = LessOrEqual (top, zero)
        linear = Greater (bottom, zero)
        is_active = Greater (x, zero)
        ones = Cast <to = 11> (is_active)
        counted = ReduceSum <keepdims = 0> (ones, unit_axes)
        active = Cast <to = 7> (counted)
        nothing = Mul (x, zero)
        spoilt = IsNaN (nothing)
        spoilt_ones = Cast <to = 1> (spoilt)
        spoilt_sum = ReduceSum <keepdims = 0> (spoilt_ones, sample_axes)
        finite = Equal (spoilt_sum, float_zero)
        keys = relucid.Keys <keys_seed: int = @keys_seed, want_keys: int = @want_keys> (is_active)
    }}"""

_PASSED_ON = f"""{_AXES}, threshold: float = @threshold, keys_seed: int = @keys_seed, want_keys: int = @want_keys,
        numbers: int = @numbers"""

_RELU_PROBE = f"""<{_ATTRIBUTES}> (z) => (h, {_NUMBERS}) {{
        h = Relu (z)
        {_NUMBERS} = relucid.Probe <{_PASSED_ON}> (z)
    }}"""

_COMOMENT = f"""<sample_axis, unit_axis, every_position, rectify, threshold> (h) => (count, mean, m2) {{
        rows = Constant <value = int64[1] {{1}}> ()
        two_row = Constant <value = int64[1] {{2}}> ()
        three_row = Constant <value = int64[1] {{3}}> ()
        rest_row = Constant <value = int64[1] {{-1}}> ()
        scalar = Constant <value = int64[0] {{}}> ()
        zero = Constant <value = double {{0.0}}> ()
        float_bound = Constant <value_float: float = @threshold> ()
        rectified = Constant <value_int: int = @rectify> ()
        arranged = relucid.Arrange <{_AXES}> (h)
        by_sample = Cast <to = 11> (arranged)
        by_unit = Transpose <perm = [2, 0, 1, 3]> (by_sample)
        sizes = Shape (arranged)
        units = Slice (sizes, two_row, three_row)
        shape = Concat <axis = 0> (units, rest_row)
        plain = Reshape (by_unit, shape)
        bound = Cast <to = 11> (float_bound)
        from = Sub (plain, bound)
        positive = Max (from, zero)
        rectifies = Cast <to = 9> (rectified)
        x = Where (rectifies, positive, from)
        flat = Shape (x)
        count_row = Slice (flat, rows, two_row)
        count = Reshape (count_row, scalar)
        mean_column = ReduceMean <keepdims = 1> (x, rows)
        mean = Reshape (mean_column, units)
        centred = Sub (x, mean_column)
        turned = Transpose <perm = [1, 0]> (centred)
        products = MatMul (centred, turned)
        square = Shape (products)
        every = Expand (rows, square)
        triangle = Trilu <upper = 0> (every)
        is_lower = Cast <to = 9> (triangle)
        is_lower_flat = Reshape (is_lower, rest_row)
        products_flat = Reshape (products, rest_row)
        m2 = Compress (products_flat, is_lower_flat)
    }}"""

_BODIES = {
    "Mix": _MIX,
    "Stream": _STREAM,
    "Words": _WORDS,
    "Product": _PRODUCT,
    "Arrange": _ARRANGE,
    "Keys": _KEYS,
    "Probe": _PROBE,
    "ReluProbe": _RELU_PROBE,
    "CoMoment": _COMOMENT,
}
