"""Logical ids: random UUIDs for what the server names, and the 128-bit form every id has in the store."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def new_id() -> str:
    """A fresh logical id (a random UUID, lower case)."""
    return str(uuid4())


def is_id(text: str) -> bool:
    """Whether a text may be a FHIR logical id (R4 datatypes: 1 to 64 letters, digits, `-` and `.`)."""
    return FHIR_ID.match(text) is not None


def uuid_of(text: str) -> UUID | None:
    """The UUID a logical id is, or None when it is not written as one in canonical lower case."""
    return UUID(text) if _CANONICAL_UUID.match(text) else None


def is_uuid(text: str) -> bool:
    """Whether a logical id is a UUID in canonical lower case."""
    return _CANONICAL_UUID.match(text) is not None
