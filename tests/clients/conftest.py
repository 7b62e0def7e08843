"""One running platform for all the clients; each test writes people of its own, told apart by an identifier nobody else has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.served import Served, served
from xinglin.base.crypto import Keys

SYSTEM = "urn:example:clients"
"""Of the identifiers the tests give."""


@pytest.fixture(scope="session")
def platform(postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[Served]:
    """The running platform."""
    with served(postgres(), tmp_path_factory.mktemp("clients"), keys) as running:
        yield running


@pytest.fixture
def number() -> str:
    """An identifier's value that is nobody's yet."""
    return uuid4().hex


@pytest.fixture
def a_patient(number: str) -> dict[str, Any]:
    """A patient who is not in the record yet."""
    return {
        "identifier": [{"system": SYSTEM, "value": number}],
        "name": [{"family": "Lin", "given": ["Xing"]}],
        "gender": "female",
        "birthDate": "1958-03-09",
    }
