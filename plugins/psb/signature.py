"""What all operators of the domain take, and how their bodies begin."""

NUMBERS = "number, unit, shape, step_in, step_out, per_image"
INPUTS = "x, signs, exponents, levels, bias, keys, rest, width, cut, factor"

COMMON = """
        fixed = relucid.psb.Fix <step: float = @step_in> (x)
        weights = relucid.psb.Weights <number: int = @number, unit: float = @unit, shape: ints = @shape,
            step_in: float = @step_in, step_out: float = @step_out>
            (x, signs, exponents, levels, keys, rest, width, cut, factor)
"""
"""The activations in whole steps, and the weights drawn for this call."""
