"""One county for each test of the resident's say."""

from __future__ import annotations

import pytest

from tests.capabilities.watched import County, found
from xinglin.store import Store


@pytest.fixture
async def county(store: Store) -> County:
    return await found(store)
