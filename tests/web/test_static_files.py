"""Committed static files are the ones that were listed, and no page runs an inline script."""

import hashlib
import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "src" / "danji" / "web"
STATIC = WEB / "static" / "danji"
OURS = {"danji.css", "danji.js", "push.js", "sign.js", "icon.svg", "VERSIONS.json"}
PAGES = sorted((WEB / "templates").rglob("*.html"))


def listed() -> dict[str, str]:
    """File name to SHA-256, of everything that came from a package."""
    packages = json.loads((STATIC / "VERSIONS.json").read_text())
    return {name: digest for package in packages for name, digest in package["files"].items()}


def test_every_vendored_file_is_the_one_that_was_listed():
    found = {
        str(path.relative_to(STATIC)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in STATIC.rglob("*")
        if path.is_file() and path.name not in OURS
    }
    assert found == listed()


def test_every_package_says_its_version_and_licence():
    packages = json.loads((STATIC / "VERSIONS.json").read_text())
    assert all(package["version"] and package["licence"] for package in packages)


def test_the_test_tool_is_the_one_that_was_listed():
    axe = Path(__file__).with_name("axe.min.js").read_bytes()
    assert hashlib.sha256(axe).hexdigest() in Path(__file__).with_name("VERSIONS.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(WEB)))
def test_a_page_has_no_inline_script_and_no_inline_style(page):
    text = page.read_text()
    scripts = re.findall(r"<script\b[^>]*>", text)
    assert all("src=" in tag or 'type="application/json"' in tag for tag in scripts)
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=", text)
