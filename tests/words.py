"""Count the relative words in 100 words of prose, by folder: ``python tests/words.py``.

A sentence with many of them is hard to read for whoever learnt English late; the aim is below 2.
Prose is docstrings, comments and messages in Python, and the text of Markdown without its code.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RELATIVE_WORDS = frozenset({"that", "which", "what", "whose", "where"})
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
CODE = re.compile(r"```.*?```|``[^`]*``|`[^`]*`", re.DOTALL)
AIM = 2.0
ROOTS = (
    "datasets",
    "docs",
    "examples",
    "generators",
    "harness",
    "leaderboards",
    "metrics",
    "results",
    "tests",
)
SHORTEST_MESSAGE = 4
"""Words; a shorter string is a name."""


def prose(file: Path) -> str:
    """Return the prose of a Python or Markdown file.

    Raises:
        SyntaxError: a Python file cannot be parsed.
    """
    text = file.read_text("utf-8")
    if file.suffix == ".md":
        return CODE.sub(" ", text)
    strings = _strings(ast.parse(text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    messages = [string for string in strings if len(WORD.findall(string)) >= SHORTEST_MESSAGE]
    return CODE.sub(" ", "\n".join(messages + comments))


def _strings(node: ast.AST) -> Iterator[str]:
    """Yield all strings below a node; an f-string is one, without its values."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value for part in node.values if isinstance(part, ast.Constant))
        yield " ".join(str(part) for part in parts)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from _strings(child)


def count(text: str) -> tuple[int, int]:
    """Return the number of words and the number of relative words."""
    words = [word.lower() for word in WORD.findall(text)]
    return len(words), sum(word in RELATIVE_WORDS for word in words)


def folders(root: Path) -> dict[str, tuple[int, int]]:
    """Return words and relative words by folder, two levels deep, and of each page of the root."""
    words: Counter[str] = Counter()
    relative: Counter[str] = Counter()
    files = [*root.glob("*.md"), *(file for name in ROOTS for file in (root / name).rglob("*"))]
    for file in files:
        if file.suffix in {".py", ".md"}:
            parts = file.relative_to(root).parts
            folder = "/".join(parts[: min(2, max(len(parts) - 1, 1))])
            number, of_these = count(prose(file))
            words[folder] += number
            relative[folder] += of_these
    return {folder: (words[folder], relative[folder]) for folder in sorted(words)}


def main() -> None:
    """Print the folders above the aim, and the whole."""
    counts = folders(Path(__file__).parents[1])
    for folder, (words, relative) in counts.items():
        if 100 * relative > AIM * words:
            print(f"{100 * relative / words:4.1f} relative words in 100: {folder}")
    words, relative = (sum(column) for column in zip(*counts.values(), strict=True))
    print(f"{100 * relative / words:4.1f} relative words in 100 of {words:,} (aim: {AIM})")


if __name__ == "__main__":
    main()
