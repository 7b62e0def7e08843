"""The few errors of the house. Each has an HTTP status and a FHIR issue code; doors turn them into a page or an OperationOutcome.

The message is for the person who caused it: what is wrong and what to do next. It is English source text with
named places (`{name}`), so that the web door can look it up in the catalogue before the places are filled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about an input: FHIR severity, FHIR issue type, words, and the FHIRPath locations it is about."""

    severity: str
    code: str
    text: str
    at: tuple[str, ...] = ()


class XinglinError(Exception):
    """Something a person or a client can cause."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"

    def __init__(self, text: str, /, *, issues: tuple[Issue, ...] = (), retry_after_s: int | None = None, **places: object) -> None:
        self.text = text
        self.places = places
        self.issues = issues
        self.retry_after_s = retry_after_s
        super().__init__(text.format(**places) if places else text)

    def as_issues(self) -> tuple[Issue, ...]:
        """The findings to show; never empty."""
        return self.issues or (Issue("error", self.code, str(self)),)


class Malformed(XinglinError):
    """The input cannot be read: not JSON, not a resource, a parameter of the wrong form."""

    code = "structure"


class Unknown(XinglinError):
    """The request names a parameter, modifier or type the server does not have."""

    code = "not-supported"


class Unauthenticated(XinglinError):
    """No valid bearer token or session."""

    status, code = 401, "login"


class Forbidden(XinglinError):
    """The actor may not do this."""

    status, code = 403, "forbidden"


class NotFound(XinglinError):
    """There is nothing at this address."""

    status, code = 404, "not-found"


class NotAllowed(XinglinError):
    """This address does not take this method."""

    status, code = 405, "not-supported"


class NotAcceptable(XinglinError):
    """No format the client accepts can be made."""

    status, code = 406, "not-supported"


class Conflict(XinglinError):
    """The write meets another write."""

    status, code = 409, "conflict"


class Gone(XinglinError):
    """The resource was deleted."""

    status, code = 410, "deleted"


class Stale(XinglinError):
    """The version the client changed is no longer the newest (If-Match, or more than one match of a condition)."""

    status, code = 412, "conflict"


class TooLarge(XinglinError):
    """More than a limit allows."""

    status, code = 413, "too-long"


class UnsupportedMedia(XinglinError):
    """The body is in a format the server does not read."""

    status, code = 415, "not-supported"


class Invalid(XinglinError):
    """The resource breaks a rule of FHIR or of a profile; the issues say where."""

    status, code = 422, "invalid"


class TooCostly(XinglinError):
    """The search would read too much; the message says how to narrow it."""

    status, code = 422, "too-costly"


class TooMany(XinglinError):
    """Too many requests at once; try again after `retry_after_s`."""

    status, code = 429, "throttled"


class Unavailable(XinglinError):
    """The server cannot serve this now; try again after `retry_after_s`."""

    status, code = 503, "transient"


def nameless(fault: BaseException) -> str:
    """What happened, without any value it happened to, for what is kept in clear: our own words with their places open, else the class."""
    kind = type(fault).__name__
    return f"{kind}: {fault.text}" if isinstance(fault, XinglinError) else kind


@dataclass(frozen=True, slots=True)
class Findings:
    """Issues gathered while reading; `worst` decides whether they refuse the input."""

    issues: tuple[Issue, ...] = field(default=())

    @property
    def refuses(self) -> bool:
        """True when an issue is an error or worse."""
        return any(issue.severity in ("error", "fatal") for issue in self.issues)
