"""The actor: who asks, for the whole of one request."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("admin", "doctor", "nurse", "registrar", "resident", "reader", "system", "auditor")
"""The roles there are; what each may do stands in `policy.GRANTS`."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a system that has proved who it is. `id` is the subject of its token, `name` is what people are shown."""

    id: str
    role: str
    name: str
