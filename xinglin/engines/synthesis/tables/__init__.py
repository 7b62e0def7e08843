"""The county's words as data: names, complaints, stays, medicines. One row a line, columns divided by bars, `#` a comment."""

from __future__ import annotations

from pathlib import Path


def rows(name: str) -> list[list[str]]:
    """The rows of a table."""
    text = Path(__file__).with_name(f"{name}.psv").read_text(encoding="utf-8")
    return [line.split("|") for line in text.splitlines() if line and not line.startswith("#")]
