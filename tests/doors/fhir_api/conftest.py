"""A door before a store in memory, and a client for each role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.doors.fhir_api.memory import MemoryRecords, everyone
from tests.doors.fhir_api.work import MemoryJobs
from xinglin.access.tokens import issue
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor

KEYS = Keys({1: bytes(16)}, 1, bytes(32), b"t" * 32)
Client = httpx.AsyncClient


@pytest.fixture
def store() -> MemoryRecords:
    return MemoryRecords()


@pytest.fixture
def jobs() -> MemoryJobs:
    return MemoryJobs()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), body_bytes_max=2_000_000, bundle_entries_max=50, page_size=5, page_size_max=20)


@pytest.fixture
def door(store, jobs, settings) -> FhirDoor:
    return FhirDoor(store, BearerAccess(KEYS), settings, jobs=jobs, scope=everyone)


@pytest.fixture
def client_of(door) -> Callable[..., Client]:
    def make(role: str | None = "system", subject: str = "tester") -> Client:
        headers = {"authorization": f"Bearer {issue(KEYS, role, subject)}"} if role else {}
        return Client(transport=httpx.ASGITransport(door, raise_app_exceptions=True), base_url="http://hie.test/fhir", headers=headers)

    return make


@pytest.fixture
def client(client_of) -> Client:
    return client_of()
