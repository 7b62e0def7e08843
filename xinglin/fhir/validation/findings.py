"""What a check hands back: None when all is well, else findings whose places grow from the inside out.

A check never knows where it stands; whoever called it puts its own segment in front. So what is sound costs nothing for its path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from xinglin.base.errors import Issue
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object

FINDINGS_MAX = 200
"""Findings kept of one list, object or resource; the first ones tell enough."""

SHOWN_CHARS = 60
BITS_SHOWN = 200
"""Larger whole numbers are not written out: Python refuses to write those of many thousand digits."""


class Finding(NamedTuple):
    """An `Issue` in the making; `place` is a FHIRPath tail such as `.code.coding[0]`."""

    severity: str
    code: str
    text: str
    place: str = ""


Found = list[Finding] | None


class Scope:
    """The resource that is being checked: what `%resource` and `%rootResource` mean for the elements below it."""

    def __init__(self, resource: Resource, around: Scope | None = None) -> None:
        self.resource = resource
        self.root: Resource = around.root if around else resource
        self._around = around

    def inside(self, resource: Resource) -> Scope:
        """The scope of a contained resource: the root is shared."""
        return Scope(resource, self)

    @cached_property
    def contained(self) -> dict[str, str]:
        """The type by id of the root's contained resources."""
        if self._around is not None:
            return self._around.contained
        inner: Any = self.root.get("contained")
        named = [one for one in (inner if is_list(inner) else ()) if is_object(one) and isinstance(one.get("id"), str)]
        return {one["id"]: str(one.get("resourceType")) for one in named}


Check = Callable[[Any, Scope], Found]


def error(code: str, text: str, place: str = "") -> list[Finding]:
    """One finding that refuses the resource."""
    return [Finding("error", code, text, place)]


def below(found: Found, more: Sequence[Finding], segment: str) -> list[Finding]:
    """`more` moved under `segment` and added to `found`; past the limit only a first error is still let in."""
    kept = found or []
    for one in more:
        moved = Finding(one.severity, one.code, one.text, segment + one.place)
        if len(kept) < FINDINGS_MAX:
            kept.append(moved)
        elif one.severity == "error" and kept[-1].severity != "error":
            kept[-1] = moved
    return kept


def refuses(found: Found) -> bool:
    """Whether an error is among the findings."""
    return found is not None and any(one.severity == "error" for one in found)


def joined(found: Found, more: Found) -> Found:
    """Both, None when there are none."""
    return (found or []) + more if more else found


def issues(found: Found, at: str) -> tuple[Issue, ...]:
    """Findings as issues, each with its whole FHIRPath location."""
    return tuple(Issue(one.severity, one.code, one.text, (at + one.place,)) for one in found or ())


def shown(value: object) -> str:
    """A value as it may appear in a message: short, on one line."""
    long = isinstance(value, int) and value.bit_length() > BITS_SHOWN
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float | Decimal) and not long else kind_of(value)
    text = text[: SHOWN_CHARS + 1].encode("utf-8", "replace").decode()
    return repr(text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…")


def kind_of(value: object) -> str:
    """The JSON kind of a value, for messages."""
    kinds = ((bool, "true or false"), (str, "a string"), (int | float | Decimal, "a number"), (dict, "an object"), (list, "an array"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "null")
