"""Every phrase that pages can say, read from the source: `t("…")` in code and templates, and the messages of errors raised there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import extract_from_ast

from xinglin.base import errors

SOURCE = Path(errors.__file__).parents[1]
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.XinglinError)}
ERRORS |= {"Refused", "StepUp"}
BELOW = (
    *(SOURCE / "access" / "oauth" / name for name in ("registering.py", "providers.py")),
    SOURCE / "access" / "accounts",
    SOURCE / "access" / "pace.py",
    SOURCE / "base" / "national_ids.py",
)
"""Lower floors whose errors forms show beside what was typed; the web door's catalogue has their words."""


def folders() -> list[Path]:
    """Where what is said comes to a page: kit, the web door, each capability."""
    return [SOURCE / "kit", SOURCE / "doors" / "web", *(file.parent for file in sorted((SOURCE / "capabilities").glob("*/capability.py")))]


def phrases(*, all_errors: bool = False) -> dict[str, Path]:
    """Phrase -> a file that says it. Errors of a capability without pages are met by programs alone: only with `all_errors`."""
    found: dict[str, Path] = {}
    for folder in (*folders(), *BELOW):
        markers = {"t", "say"} | (ERRORS if all_errors or _has_pages(folder) else set())
        for file in sorted(folder.rglob("*")) if folder.is_dir() else (folder,):
            if file.suffix == ".py":
                found |= dict.fromkeys(_in_python(file, markers), file)
            elif file.suffix == ".html":
                found |= dict.fromkeys(_in_template(file), file)
    return found


def _has_pages(folder: Path) -> bool:
    return folder.parent.name != "capabilities" or (folder / "pages.py").exists()


def _in_python(file: Path, markers: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and _called(node.func) in markers:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _called(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _in_template(file: Path) -> Iterator[str]:
    tree = Environment().parse(file.read_text(encoding="utf-8"))
    for _, _, message in extract_from_ast(tree, gettext_functions=("t",)):
        texts = message if isinstance(message, tuple) else (message,)
        if texts and isinstance(texts[0], str):
            yield texts[0]
