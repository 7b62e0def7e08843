"""What can be asked of the store's write path, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xinglin.base.clock import instant
from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.search.model import Search


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a resource. `content`: its JSON bytes with id and meta; empty for a deletion. `tick`: when it was written.

    `patient`: the number of the patient it belongs to, 0 for nobody's or where it was not looked up.
    """

    type: str
    id: str
    version: int
    tick: int
    content: bytes
    method: str
    patient: int = 0

    @property
    def last_updated(self) -> str:
        """FHIR instant, UTC."""
        return instant(self.tick)

    def resource(self) -> Resource:
        """The content, parsed."""
        return decode(self.content)


@dataclass(frozen=True, slots=True)
class Create:
    """A new resource under a fresh id (or `id`, which must be free). With `if_none_exist`: only when nothing matches."""

    resource: Resource
    if_none_exist: Search | None = None
    full_url: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """A resource under a known id; made when there is none. `if_match`: only over this version, `if_none_match`: only as a new one."""

    resource: Resource
    id: str
    if_match: int | None = None
    if_none_match: bool = False
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateWhere:
    """A resource over the one match of a search; made when nothing matches (R4 http, conditional update)."""

    resource: Resource
    where: Search
    if_match: int | None = None
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class Amend:
    """A change of what is there: `change` takes the resource and returns the new one, or raises."""

    type: str
    id: str
    change: Callable[[Resource], Resource]
    if_match: int | None = None
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class AmendWhere:
    """A change of the one match of a search."""

    where: Search
    change: Callable[[Resource], Resource]
    if_match: int | None = None
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """A deletion; deleting what is not there is no error."""

    type: str
    id: str
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteWhere:
    """A deletion of the one match of a search, or of all of them (`many`)."""

    where: Search
    many: bool = False


Change = Create | Update | UpdateWhere | Amend | AmendWhere | Delete | DeleteWhere


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change.

    `status`: created, updated, unchanged (a conditional create that found its match), deleted, absent (nothing to delete).
    """

    stored: Stored | None
    status: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act, for the audit trail. Texts as the door saw them.

    `patients`: the numbers of those whose records it showed or changed; `ground`: by which relation or role that was allowed.
    """

    actor: str
    role: str
    interaction: str
    type: str | None
    id: str | None
    query: str | None
    status: int
    address: str | None
    request: str | None
    patients: tuple[int, ...] = ()
    ground: str | None = None
