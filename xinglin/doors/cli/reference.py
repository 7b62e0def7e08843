"""The reference pages that are made from the program, so that they cannot say what is not so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import click
import typer

from xinglin.access.policy import GRANTS, Grant
from xinglin.base.settings import PREFIX, Settings

_MADE = "<!-- Made by `make reference`; do not edit. -->"


def write(folder: Path, application: typer.Typer) -> list[Path]:
    """Write every page into `folder`; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Callable[[], str]] = {"settings.md": settings_page, "commands.md": lambda: commands_page(application), "roles.md": roles_page}
    for name, page in pages.items():
        (folder / name).write_text(page(), encoding="utf-8")
    return [folder / name for name in pages]


def settings_page() -> str:
    """Every setting: its two names, its default, what it does."""
    rows = [f"| `{f.name}` | `{PREFIX}{f.name.upper()}` | `{f.default!r}` | {f.metadata['says']} |" for f in fields(Settings)]
    head = [
        "# Settings", "", _MADE, "",
        "From the environment, or from a TOML file named by `XINGLIN_SETTINGS`; the environment wins, and an option of the command line over both.", "",
        "| In the file | In the environment | Default | What it is |", "|---|---|---|---|",
    ]  # fmt: skip
    return "\n".join([*head, *rows, ""])


def commands_page(application: typer.Typer) -> str:
    """The help of every command."""
    group = typer.main.get_command(application)
    assert isinstance(group, click.Group)
    parts = ["# Commands", "", _MADE, "", *_help("xinglin", group)]
    for name, command in group.commands.items():
        if not command.hidden:
            parts += [f"## {name}", "", *_help(f"xinglin {name}", command)]
    return "\n".join(parts)


def roles_page() -> str:
    """What each role may do."""
    rows = [f"| {role} | {_words(grant.interactions)} | {_types(grant)} |" for role, grants in GRANTS.items() for grant in grants]
    head = [
        "# Roles", "", _MADE, "", "What kind of deed a role may do at all; whose record it may be done to is decided by the store's scope.", "",
        "| Role | Interactions | Types |", "|---|---|---|",
    ]  # fmt: skip
    return "\n".join([*head, *rows, ""])


def _help(path: str, command: click.Command) -> list[str]:
    text = command.get_help(click.Context(command, info_name=path, max_content_width=120, terminal_width=120))
    return ["```", *(line.rstrip() for line in text.splitlines()), "```", ""]


def _words(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _types(grant: Grant) -> str:
    if grant.types is not None:
        return _words(grant.types)
    return "all" + (f" but {_words(grant.without)}" if grant.without else "")
