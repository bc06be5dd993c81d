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


def prose(text: str) -> str:
    """A text without its code: examples, names in backticks, the names that `Args:` explains.

    >>> prose("Args:\\n    wanted: a share, see `told`.\\n>>> came = 1").split()
    ['Args:', 'a', 'share,', 'see', '.']
    """
    text = re.sub(r"^\s*(?:>>>|\.\.\.).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "", text)
    return re.sub(r"^\s*\w+: ", "", text, flags=re.MULTILINE)


def docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def messages(tree: ast.AST) -> Iterator[str]:
    """String literals of two words or more that are no docstrings and no ONNX: messages, notes, help texts."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        literal = ""
        if isinstance(node, ast.JoinedStr):
            literal = "{}".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (documentation | parts)
        ):
            literal = node.value
        is_onnx = "\n" in literal and re.search(r"^ +[\w{}]+ = \w+", literal, re.MULTILINE)
        if " " in literal.strip() and not is_onnx:
            yield literal


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
    texts = [prose(text) for text in texts]
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
