"""A running platform with an empty record for each module of real input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line import Line
from tests.served import served
from xinglin.base.crypto import Keys

API_PROCESSES = 2


@pytest.fixture(scope="module")
def line(database: str, home: Path, keys: Keys) -> Iterator[Line]:
    """A line to it."""
    with served(database, home, keys, API_PROCESSES) as running:
        yield Line(running)
