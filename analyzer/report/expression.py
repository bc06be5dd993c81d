"""A tiny language of truths about named numbers, such as `a > 0.2 or not (b / c <= 1 < d)`: parsed, checked, never run.

It has names, numbers, + - * /, comparisons (chains too), and, or, not, and parentheses. A number that cannot be said (a
name without a value, a division by zero) makes its comparison unknown, and truths combine as in Kleene's logic: unknown
or true is true, unknown and false is false, all else that touches unknown is unknown.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence

from ..errors import OptionError

LONGEST = 1000
LARGEST = 1e300
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
    """The text as a tree that holds nothing but this language and as a whole says a truth.

    Raises:
        OptionError: it is not of this language, too long, or a number.

    >>> type(parse("a > 1")).__name__
    'Compare'
    """
    if len(text) > LONGEST:
        raise OptionError(f"a condition has at most {LONGEST} characters, this one has {len(text)}")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(" ".join(text.split()), mode="eval").body
        kind = _kind(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise OptionError(
            f"{text!r} is no condition; it takes names, numbers, + - * /, comparisons, and, or, not, parentheses, "
            "as in 'dead_units > 0.2'"
        ) from error
    if kind != "truth":
        raise OptionError(f"{text!r} is a number, and a condition is true or false; write '{text} > 0'")
    return tree


def names(tree: ast.expr) -> tuple[str, ...]:
    """The names in it, each once, in alphabetical order.

    >>> names(parse("b > a and b < 1"))
    ('a', 'b')
    """
    return tuple(sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}))


def bounds(tree: ast.expr) -> list[tuple[str, float, Callable[[float], bool]]]:
    """Every comparison in it of a name with a constant: the name, the constant, and what is asked of the name's value.

    >>> [(name, constant, asked(0.5)) for name, constant, asked in bounds(parse("0.2 < a"))]
    [('a', 0.2, True)]
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
                if isinstance(left, ast.Name) and (constant := _constant(right)) is not None:
                    found.append((left.id, constant, _ask(COMPARISONS[type(op)], right=constant)))
                if isinstance(right, ast.Name) and (constant := _constant(left)) is not None:
                    found.append((right.id, constant, _ask(COMPARISONS[type(op)], left=constant)))
    return found


def settled(tree: ast.expr, is_share: Callable[[str], bool]) -> list[tuple[str, str]]:
    """The shares in it that are compared with what settles the answer: each, and if it is "always" or "never" true.

    >>> settled(parse("a > 20 or b < 0.5"), lambda name: True)
    [('a', 'never')]
    """
    found = []
    for name, constant, asked in bounds(tree):
        answers = {asked(at) for at in (0.0, 1.0, constant) if 0 <= at <= 1}
        if is_share(name) and len(answers) == 1:
            found.append((name, "always" if True in answers else "never"))
    return found


def truth(tree: ast.expr, lookup: Lookup) -> bool | None:
    """What the tree says when names mean what `lookup` says: true, false, or None where it cannot be said.

    >>> truth(parse("a > 1 or b > 1"), {"a": 2.0, "b": None}.get), truth(parse("not b > 1"), {"b": None}.get)
    (True, None)
    """
    match tree:
        case ast.UnaryOp(operand=operand):
            inner = truth(operand, lookup)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=parts):
            return _combined([truth(part, lookup) for part in parts], decisive=isinstance(op, ast.Or))
        case ast.Compare(left=left, ops=ops, comparators=others):
            numbers = [_number(part, lookup) for part in [left, *others]]
            links = zip(numbers, ops, numbers[1:], strict=False)
            truths = [None if a is None or b is None else COMPARISONS[type(op)](a, b) for a, op, b in links]
            return _combined(truths, decisive=False)
    raise TypeError(f"{type(tree).__name__} is no truth")


def _combined(truths: Sequence[bool | None], *, decisive: bool) -> bool | None:
    """`or` if true decides, `and` if false decides."""
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _number(node: ast.expr, lookup: Lookup) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return lookup(name)
        case ast.UnaryOp(op=sign, operand=operand):
            inner = _number(operand, lookup)
            return -inner if inner is not None and isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _number(left, lookup), _number(right, lookup)
            if a is None or b is None or (isinstance(op, ast.Div) and b == 0):
                return None
            return ARITHMETIC[type(op)](a, b)
    raise TypeError(f"{type(node).__name__} is no number")


def _constant(node: ast.expr) -> float | None:
    """Its value, if no name is in it."""
    return None if names(node) else _number(node, lambda _: None)


def _ask(
    compare: Callable[[float, float], bool], *, left: float | None = None, right: float | None = None
) -> Callable[[float], bool]:
    return lambda value: compare(value if left is None else left, value if right is None else right)


def _kind(node: ast.expr) -> str:
    """Whether the expression is a "number" or a "truth".

    Raises:
        SyntaxError: it is neither.
    """
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool) and abs(value) <= LARGEST:
            return "number"
        case ast.Name():
            return "number"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _all("number", [operand])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _all("truth", [operand])
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
            return _all("number", [left, right])
        case ast.BoolOp(values=parts):
            return _all("truth", parts)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARISONS for op in ops):
            _all("number", [left, *others])
            return "truth"
    raise SyntaxError(f"{type(node).__name__} is not in the language")


def _all(kind: str, nodes: Sequence[ast.expr]) -> str:
    """The kind, if every node is of it."""
    if any(_kind(node) != kind for node in nodes):
        raise SyntaxError(f"a {kind} is wanted")
    return kind
