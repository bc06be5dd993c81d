"""Docstrings, messages and pages are written in the plain English of the field: words of a dialect are counted.

Run as a script, it prints the rate of each word: `python tests/test_words.py [ROOT]`.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = ("analyzer", "plugins", "trainers", "benchmarks", "examples")
DIALECT = {
    "told": r"told",
    "tell": r"tells?",
    "stand": r"stands?",
    "lie": r"lies?",
    "wanted": r"wanted",
    "wants": r"wants",
    "came": r"came",
    "give out": r"gives? out",
    "take in": r"takes? in",
    "beside": r"beside",
    "nobody": r"nobody",
    "anew": r"anew",
    "apart": r"apart",
}
MOST = 0.5
"""Most times a word may occur in 10,000; optax, onnx-ir, clu and equinox have 0 to 0.5 of each."""


def docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def messages(tree: ast.AST) -> Iterator[str]:
    """String literals of two words or more that are no docstrings: messages, notes, help texts."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        if literal and " " in node.value.strip():
            yield node.value


def texts(root: Path) -> dict[str, list[str]]:
    """All texts of a checkout by what they are."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for room in CODE for path in sorted((root / room).rglob("*.py"))
    ]
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    return {
        "code": [text for tree in trees for text in (*docstrings(tree), *messages(tree))],
        "pages": [page.read_text(encoding="utf-8") for page in pages],
    }


def rates(texts: list[str]) -> dict[str, float]:
    """How often each word occurs in 10,000.

    >>> rates(["They tell, and nobody listens."])["tell"]
    2000.0
    """
    words = sum(len(text.split()) for text in texts)
    found = Counter(
        {
            name: sum(len(re.findall(rf"\b(?:{word})\b", text, re.IGNORECASE)) for text in texts)
            for name, word in DIALECT.items()
        }
    )
    return {name: round(10_000 * count / max(words, 1), 2) for name, count in found.items()}


@pytest.mark.parametrize("kind", ["code", "pages"])
def test_they_are_in_plain_english(kind: str) -> None:
    found = rates(texts(ROOT)[kind])
    assert {name: rate for name, rate in found.items() if rate > MOST} == {}


def test_a_text_in_the_dialect_is_found() -> None:
    assert all(
        rates([text])[name] > MOST for name, text in {"lie": "values lie there", "give out": "it gives out"}.items()
    )


if __name__ == "__main__":
    for kind, found in texts(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT).items():
        count = sum(len(text.split()) for text in found)
        print(f"{kind} ({count} words): {rates(found)}")
