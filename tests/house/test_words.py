"""The glossary knows every model and every enum, and the settings are all explained."""

import enum
import importlib
import pkgutil
import re
from pathlib import Path

from django.apps import apps

import danji

ROOT = Path(danji.__file__).parents[2]
FRAMEWORK_FREE = {"migrations", "management"}


def modules():
    for info in pkgutil.walk_packages(danji.__path__, "danji."):
        parts = set(info.name.split("."))
        if not parts & FRAMEWORK_FREE and not info.name.endswith(".wsgi"):
            yield info.name


def own_enums():
    for name in modules():
        module = importlib.import_module(name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, enum.Enum)
                and value.__module__ == name
            ):
                yield value.__name__


def test_the_glossary_names_every_model_and_every_enum():
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    models = {m.__name__ for m in apps.get_models() if m.__module__.startswith("danji.")}
    missing = {word for word in models | set(own_enums()) if f"`{word}`" not in glossary}
    assert not missing


def test_every_setting_of_the_environment_is_explained():
    settings = (ROOT / "src/danji/config/settings.py").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    read = set(re.findall(r"os\.environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"", settings))
    assert read
    assert {name for name in read if name not in example} == set()


def test_the_environment_is_read_in_the_settings_only():
    guilty = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if re.search(r"os\.(environ\.get|environ\[|getenv)", path.read_text(encoding="utf-8"))
    ]
    assert guilty == ["src/danji/config/settings.py"]
