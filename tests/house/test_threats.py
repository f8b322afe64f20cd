"""docs/threats.md names every threat, and the tests that prove what answers it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (T\d\d) \|(.+)\|$", PAGE, re.MULTILINE))
FOLDERS = ("tests", "verifier/tests", "witness/tests")
BY_NAME = re.compile(r"test_t(\d\d)_")


def there_are():
    """Every test function of the repository, by the name of its file."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield path.name, node.name


THERE_ARE = set(there_are())
NAMES = {name for _, name in THERE_ARE}


def test_every_threat_has_its_row():
    assert sorted(ROWS) == [f"T{number:02d}" for number in range(1, 31)]


@pytest.mark.parametrize("threat", sorted(ROWS))
def test_every_threat_is_answered_by_a_test_of_its_name(threat):
    named = set(re.findall(r"`(test_t\d\d_\w+)`", ROWS[threat]))
    own = {name for name in named if BY_NAME.match(name)[1] == threat[1:]}
    assert own
    assert named <= NAMES, f"{threat} names tests that are not there"


def test_every_test_of_a_threat_is_on_the_page():
    of_threats = {name for name in NAMES if BY_NAME.match(name)}
    assert of_threats <= set(re.findall(r"test_t\d\d_\w+", PAGE))
