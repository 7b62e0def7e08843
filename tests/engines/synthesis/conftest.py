"""One small county, generated once for all tests."""

from datetime import date
from typing import Any

import pytest

from xinglin.engines.synthesis import county

TODAY = date(2026, 11, 22)
RESIDENTS = 1500


@pytest.fixture(scope="session")
def resources() -> list[dict[str, Any]]:
    return list(county(7, RESIDENTS, today=TODAY))


@pytest.fixture(scope="session")
def by_type(resources: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        found.setdefault(resource["resourceType"], []).append(resource)
    return found
