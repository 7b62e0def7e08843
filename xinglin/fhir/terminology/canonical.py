"""Canonical addresses, `url|version`, and which of several versions is the newest."""

from __future__ import annotations

import re

_RUNS = re.compile(r"\d+|[^\d.\-]+")


def split(canonical: str) -> tuple[str, str | None]:
    """`url|version` -> (url, version or None)."""
    url, _, version = canonical.partition("|")
    return url, version or None


def join(url: str, version: str | None) -> str:
    """(url, version) -> `url|version`, or the url alone."""
    return f"{url}|{version}" if version else url


def version_key(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """Orders versions as people count them: 4.0.9 < 4.0.10, 2025-09 < 2026-01, none first, 1.0-beta after 1.0."""
    return tuple((1, int(run), "") if run.isdecimal() else (0, 0, run) for run in _RUNS.findall(version or ""))
