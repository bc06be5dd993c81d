"""Two tables of binomial numbers as one, so that weights with different numbers of samples read the same table."""


def _widened(table: str) -> str:
    """The rows of a table in as many columns as both share, repeated, so that a word picks the same one."""
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


BODIES = {
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
