"""The reference pages that are made from the program, so that they cannot say what is not so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import typer
from typer.testing import CliRunner

from xinglin.access.policy import GRANTS, Grant
from xinglin.base.settings import PREFIX, Settings

_MADE = "<!-- Made by `make reference`; do not edit. -->"


def write(folder: Path, application: typer.Typer) -> list[Path]:
    """Write every page into `folder`; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Callable[[], str]] = {
        "settings.md": settings_page,
        "commands.md": lambda: commands_page(application),
        "roles.md": roles_page,
    }
    for name, page in pages.items():
        (folder / name).write_text(page(), encoding="utf-8")
    return [folder / name for name in pages]


def settings_page() -> str:
    """Every setting: its two names, its default, what it does."""
    rows = [f"| `{f.name}` | `{PREFIX}{f.name.upper()}` | `{f.default!r}` | {f.metadata['says']} |" for f in fields(Settings)]
    head = [
        "# Settings",
        "",
        _MADE,
        "",
        "From the environment, or a TOML file named by `XINGLIN_SETTINGS`; the environment wins, and a command's option over both.",
        "",
        "| In the file | In the environment | Default | What it is |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def commands_page(application: typer.Typer) -> str:
    """The help of every command."""
    shown = (command for command in application.registered_commands if command.callback and not command.hidden)
    names = [command.name or getattr(command.callback, "__name__", "") for command in shown]
    parts = ["# Commands", "", _MADE, "", *_help(application)]
    for name in names:
        parts += [f"## {name}", "", *_help(application, name)]
    for group in application.registered_groups:
        assert group.typer_instance is not None, "a group has its commands"
        title = str(group.typer_instance.info.name)
        for command in group.typer_instance.registered_commands:
            words = (title, command.name or getattr(command.callback, "__name__", ""))
            parts += [f"## {' '.join(words)}", "", *_help(application, *words)]
    return "\n".join(parts)


def roles_page() -> str:
    """What each role may do."""
    rows = [f"| {role} | {_words(grant.interactions)} | {_types(grant)} |" for role, grants in GRANTS.items() for grant in grants]
    head = [
        "# Roles",
        "",
        _MADE,
        "",
        "What a role may do at all; whose record it may be done to is decided by the store's scope.",
        "",
        "| Role | Interactions | Types |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _help(application: typer.Typer, *words: str) -> list[str]:
    shown = CliRunner().invoke(application, [*words, "--help"], prog_name="xinglin", terminal_width=110, catch_exceptions=False)
    return ["```", *(line.rstrip() for line in shown.stdout.rstrip().splitlines()), "```", ""]


def _words(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _types(grant: Grant) -> str:
    if grant.types is not None:
        return _words(grant.types)
    return "all" + (f" but {_words(grant.without)}" if grant.without else "")
