"""Boolean expressions over named numbers, such as `a > 0.2 or not (b / c <= 1 < d)`, evaluated without `eval`.

The grammar has names, numbers, + - * /, comparisons (also chained), and, or, not, and parentheses. An undefined number
(a name without a value, a division by zero) makes its comparison unknown; and, or and not follow Kleene's three-valued
logic: unknown or true is true, unknown and false is false, any other combination with unknown is unknown.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence

from ..errors import OptionError

MAX_LENGTH = 1000
MAX_NUMBER = 1e300
Lookup = Callable[[str], float | None]
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def parse(text: str) -> ast.expr:
    """Parse a boolean expression.

    Raises:
        OptionError: the text is not in the grammar, is too long, or is a number.

    >>> type(parse("a > 1")).__name__
    'Compare'
    """
    if len(text) > MAX_LENGTH:
        raise OptionError(f"expected a condition of at most {MAX_LENGTH} characters, got {len(text)}; shorten it")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(" ".join(text.split()), mode="eval").body
        kind = _type_of(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise OptionError(
            f"expected a condition of names, numbers, + - * /, comparisons, and, or, not, parentheses, got {text!r}; "
            "write for example 'dead_units > 0.2'"
        ) from error
    if kind != "boolean":
        raise OptionError(f"expected a condition, got {text!r}, which is a number; write '{text} > 0'")
    return tree


def names(tree: ast.expr) -> tuple[str, ...]:
    """Return the names in the expression, each once, in alphabetical order.

    >>> names(parse("b > a and b < 1"))
    ('a', 'b')
    """
    return tuple(sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}))


def bounds(tree: ast.expr) -> list[tuple[str, float, Callable[[float], bool]]]:
    """Return each comparison of a name with a constant as name, constant and predicate of the name's value.

    >>> [(name, constant, predicate(0.5)) for name, constant, predicate in bounds(parse("0.2 < a"))]
    [('a', 0.2, True)]
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
                if isinstance(left, ast.Name) and (constant := _constant(right)) is not None:
                    found.append((left.id, constant, _predicate(COMPARISONS[type(op)], right=constant)))
                if isinstance(right, ast.Name) and (constant := _constant(left)) is not None:
                    found.append((right.id, constant, _predicate(COMPARISONS[type(op)], left=constant)))
    return found


def constant_comparisons(tree: ast.expr, is_share: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Return the shares compared with a constant that all or no shares satisfy, each with "always" or "never".

    >>> constant_comparisons(parse("a > 20 or b < 0.5"), lambda name: True)
    [('a', 'never')]
    """
    found = []
    for name, constant, predicate in bounds(tree):
        answers = {predicate(at) for at in (0.0, 1.0, constant) if 0 <= at <= 1}
        if is_share(name) and len(answers) == 1:
            found.append((name, "always" if True in answers else "never"))
    return found


def evaluate(tree: ast.expr, lookup: Lookup) -> bool | None:
    """Evaluate the expression with the numbers that `lookup` returns for names; None if the result is unknown.

    >>> evaluate(parse("a > 1 or b > 1"), {"a": 2.0, "b": None}.get), evaluate(parse("not b > 1"), {"b": None}.get)
    (True, None)
    """
    match tree:
        case ast.UnaryOp(operand=operand):
            inner = evaluate(operand, lookup)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=parts):
            return _combine([evaluate(part, lookup) for part in parts], decisive=isinstance(op, ast.Or))
        case ast.Compare(left=left, ops=ops, comparators=others):
            numbers = [_evaluate_number(part, lookup) for part in [left, *others]]
            links = zip(numbers, ops, numbers[1:], strict=False)
            results = [None if a is None or b is None else COMPARISONS[type(op)](a, b) for a, op, b in links]
            return _combine(results, decisive=False)
    raise TypeError(f"expected a boolean expression, got {type(tree).__name__}")


def _combine(results: Sequence[bool | None], *, decisive: bool) -> bool | None:
    """Return the `or` of the results if `decisive` is True, the `and` if it is False."""
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _evaluate_number(node: ast.expr, lookup: Lookup) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return lookup(name)
        case ast.UnaryOp(op=sign, operand=operand):
            inner = _evaluate_number(operand, lookup)
            return -inner if inner is not None and isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate_number(left, lookup), _evaluate_number(right, lookup)
            if a is None or b is None or (isinstance(op, ast.Div) and b == 0):
                return None
            return ARITHMETIC[type(op)](a, b)
    raise TypeError(f"expected a number, got {type(node).__name__}")


def _constant(node: ast.expr) -> float | None:
    """Return the value of an expression without names, else None."""
    return None if names(node) else _evaluate_number(node, lambda _: None)


def _predicate(
    compare: Callable[[float, float], bool], *, left: float | None = None, right: float | None = None
) -> Callable[[float], bool]:
    return lambda value: compare(value if left is None else left, value if right is None else right)


def _type_of(node: ast.expr) -> str:
    """Return the type of an expression, "number" or "boolean".

    Raises:
        SyntaxError: it is not in the grammar.
    """
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
            return "number"
        case ast.Name():
            return "number"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _check_types("number", [operand])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _check_types("boolean", [operand])
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
            return _check_types("number", [left, right])
        case ast.BoolOp(values=parts):
            return _check_types("boolean", parts)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARISONS for op in ops):
            _check_types("number", [left, *others])
            return "boolean"
    raise SyntaxError(f"{type(node).__name__} is not in the grammar")


def _check_types(expected: str, nodes: Sequence[ast.expr]) -> str:
    """Return the expected type if every node has it.

    Raises:
        SyntaxError: a node has the other type.
    """
    if any(_type_of(node) != expected for node in nodes):
        raise SyntaxError(f"expected a {expected}")
    return expected
