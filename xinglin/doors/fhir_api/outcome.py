"""Errors and findings as OperationOutcome (R4 operationoutcome.html); every answer that is not a success is one."""

from __future__ import annotations

from collections.abc import Iterable

from xinglin.base.errors import Issue, XinglinError
from xinglin.doors.fhir_api.reply import Header, Reply
from xinglin.fhir.codec import Resource, encode

_RETRY_AFTER_S = 2


def outcome_of(issues: Iterable[Issue]) -> Resource:
    """An OperationOutcome; no issue at all becomes one that says so."""
    listed = [_issue(issue) for issue in issues]
    return {"resourceType": "OperationOutcome", "issue": listed or [_issue(Issue("information", "informational", "All OK."))]}


def _issue(issue: Issue) -> Resource:
    shown: Resource = {"severity": issue.severity, "code": issue.code, "diagnostics": _sendable(issue.text)}
    if issue.at:
        shown["expression"] = [_sendable(at) for at in issue.at]
    return shown


def _sendable(text: str) -> str:
    """Text without lone surrogates and control characters, which JSON or XML could not carry."""
    clean = text.encode("utf-8", errors="replace").decode("utf-8")
    return "".join(c if c >= " " or c in "\n\t" else " " for c in clean)[:2000] or "-"


def told(text: str) -> bytes:
    """An informational OperationOutcome's bytes."""
    return encode(outcome_of((Issue("information", "informational", text),)))


def reply_of(error: XinglinError) -> Reply:
    """The answer to an error, with the headers its status asks for (401, 405, 429, 503)."""
    return Reply(error.status, encode(outcome_of(error.as_issues())), headers=_headers(error), outcome=True)


def _headers(error: XinglinError) -> tuple[Header, ...]:
    if error.status == 401:
        return ((b"www-authenticate", b'Bearer realm="fhir"'),)
    if error.status == 405:
        return ((b"allow", str(error.places.get("allow", "GET")).encode("latin-1", errors="replace")),)
    if error.retry_after_s is not None or error.status in (429, 503):
        return ((b"retry-after", str(_RETRY_AFTER_S if error.retry_after_s is None else error.retry_after_s).encode()),)
    return ()


def unexpected() -> Reply:
    """The answer to a fault of ours: no internals, the log has them."""
    text = "The server failed on this request; it has been logged. Try again, and report the X-Request-Id if it repeats."
    return Reply(500, encode(outcome_of((Issue("fatal", "exception", text),))), outcome=True)
