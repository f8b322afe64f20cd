"""docs/law.md: from an article of law to the rule that follows it, and to the tests of that rule.

    python -m danji.config.lawbook

The articles stand in the docstrings, after `Source:`; a rule's tests are those that name it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "law.md"
HEAD = """# From the law to the code

Written by `python -m danji.config.lawbook` from the `Source:` lines of the code; a test fails when
it is stale. 관행으로 따름 marks an article for public offices that is followed here by custom.
A rule that no test names is tested through what calls it; of many tests only the files are named.

| 근거 | rule | tests |
| --- | --- | --- |
"""
MANY = 6  # tests
_SOURCE = re.compile(r"\bSource: (.+?)\.?\s*(?:\n\s*\n|\Z)", re.DOTALL)
_APART = re.compile(r",\s+(?![^()]*\))")  # a comma, but not one in brackets
_ARTICLE = re.compile(r"(.*?)\s*(제\d.*)", re.DOTALL)

Named = ast.FunctionDef | ast.ClassDef


def write_page() -> str:
    """The page as it ought to be."""
    tests = dict(_tests())
    rows = []
    for path in sorted((ROOT / "src" / "danji").rglob("*.py")):
        for node in _named(path):
            found = _SOURCE.search(ast.get_docstring(node) or "")
            for law, article in _articles(found[1] if found else ""):
                rule = f"[{path.stem}.{node.name}](../{path.relative_to(ROOT).as_posix()})"
                named = _show([test for test, words in tests.items() if node.name in words])
                figures = [int(figure) for figure in re.findall(r"\d+", article)]
                rows.append((law, figures, f"| {law} {article} | {rule} | {named} |\n"))
    return HEAD + "".join(row for _, _, row in sorted(rows))


def _show(tests: list[tuple[str, str]]) -> str:
    names = (
        [name for _, name in tests] if len(tests) <= MANY else sorted({file for file, _ in tests})
    )
    return ", ".join(f"`{name}`" for name in names) or "–"


def _articles(source: str) -> Iterator[tuple[str, str]]:
    """(law, article) of each part; `같은 법`, or no name at all, means the law named before."""
    law = ""
    for part in _APART.split(" ".join(source.split())) if source else ():
        found = _ARTICLE.fullmatch(part)
        if found is None:
            raise ValueError(f"no article in {part!r}")
        law = found[1].replace("같은 법", law) or law
        yield law, found[2]


def _named(path: Path) -> Iterator[Named]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Named):
            yield node


def _tests() -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
    """((file, name), names it uses) of each test."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in _named(path):
            if node.name.startswith("test_"):
                words = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                words |= {i.attr for i in ast.walk(node) if isinstance(i, ast.Attribute)}
                yield (path.name, node.name), frozenset(words)


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
