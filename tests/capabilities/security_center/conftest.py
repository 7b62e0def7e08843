"""One county for each test of the security centre, and one that tests share that change nothing."""

from __future__ import annotations

import pytest

from tests.capabilities.watched import County, found
from xinglin.store import Store


@pytest.fixture
async def county(store: Store) -> County:
    return await found(store)


@pytest.fixture(scope="module")
async def module_county(module_store: Store) -> County:
    return await found(module_store)
