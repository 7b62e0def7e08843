"""What each interaction leaves in the audit trail."""

from __future__ import annotations

from collections.abc import Callable

from xinglin.access.actor import Actor
from xinglin.doors.fhir_api.reply import Reply
from xinglin.store.changes import AuditRow

QUERY_CHARS_MAX = 4000

Note = Callable[[str, str, str, int], None]
"""Leaves a row: interaction, type, id, HTTP status."""


def no_note(interaction: str, type_: str, id_: str, status: int) -> None:
    """Leaves nothing: for a call nobody asked over HTTP."""


def row_of(actor: Actor, interaction: str, type_: str, id_: str, query: bytes, status: int, address: str | None, request: str) -> AuditRow:
    """One row; empty texts become None. A query is kept as sent, cut at `QUERY_CHARS_MAX`."""
    text = query.decode("utf-8", errors="replace").replace("\x00", " ")[:QUERY_CHARS_MAX]
    return AuditRow(actor.id, actor.role, interaction, type_ or None, id_[:64] or None, text or None, status, address, request or None)


def made_id(reply: Reply) -> str:
    """The id of what an answer is about, from its location ("" when it has none)."""
    parts = reply.location.split("/")
    return parts[1] if len(parts) > 1 else ""
