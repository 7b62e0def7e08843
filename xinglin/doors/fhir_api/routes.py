"""Address and method -> interaction, by the segments of the path. Source: R4 http.html#summary (the table of interactions)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from xinglin.base.errors import Issue, NotAllowed, NotFound
from xinglin.doors.fhir_api.audit_events import read_event, search_events
from xinglin.doors.fhir_api.built_in import BUILT_IN
from xinglin.doors.fhir_api.bulk import job_cancel, job_file, job_status
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.create import create
from xinglin.doors.fhir_api.delete import delete, delete_where
from xinglin.doors.fhir_api.history import history
from xinglin.doors.fhir_api.metadata import metadata
from xinglin.doors.fhir_api.operations import Action, action_of
from xinglin.doors.fhir_api.patch import patch, patch_where
from xinglin.doors.fhir_api.read import read, vread
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.search import search_compartment, search_system, search_type
from xinglin.doors.fhir_api.transaction import bundle_in
from xinglin.doors.fhir_api.update import update, update_where
from xinglin.fhir.definitions import RESOURCE_TYPES, compartment_names
from xinglin.kit.capability import Operation

TYPES = frozenset(RESOURCE_TYPES)
Run = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Way:
    """An interaction: its code (R4 restful-interaction, or `operation`) and what performs it.

    `deed`: what the role must be allowed to do to the type in the address; "" when the interaction itself asks. `writes`: takes a place
    among the writes.
    """

    interaction: str
    run: Run
    deed: str = ""
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A way found for an address, with the type and id it is about."""

    way: Way
    type: str = ""
    id: str = ""


Ways = Mapping[str, Way]

_SEARCH = Way("search-type", search_type)
_INSTANCE: Ways = {
    "GET": Way("read", read, "read"),
    "PUT": Way("update", update, "update", writes=True),
    "PATCH": Way("patch", patch, "patch", writes=True),
    "DELETE": Way("delete", delete, "delete", writes=True),
}
_TYPE: Ways = {
    "GET": _SEARCH,
    "POST": Way("create", create, "create", writes=True),
    "PUT": Way("update", update_where, "update", writes=True),
    "PATCH": Way("patch", patch_where, "patch", writes=True),
    "DELETE": Way("delete", delete_where, "delete", writes=True),
}
_SYSTEM: Ways = {"GET": Way("search-system", search_system), "POST": Way("transaction", bundle_in, writes=True)}
_METADATA: Ways = {"GET": Way("capabilities", metadata)}
_HISTORY_SYSTEM: Ways = {"GET": Way("history-system", history, "history")}
_HISTORY_TYPE: Ways = {"GET": Way("history-type", history, "history")}
_HISTORY: Ways = {"GET": Way("history-instance", history, "history")}
_VREAD: Ways = {"GET": Way("vread", vread, "vread")}
_POST_SYSTEM: Ways = {"POST": Way("search-system", search_system)}
_POST_TYPE: Ways = {"POST": _SEARCH}
_AUDIT_INSTANCE: Ways = {**_INSTANCE, "GET": Way("read", read_event, "read")}
_AUDIT_SEARCH = Way("search-type", search_events)
_COMPARTMENT: Ways = {"GET": Way("search-type", search_compartment)}
_POST_COMPARTMENT: Ways = {"POST": Way("search-type", search_compartment)}
_JOB: Ways = {"GET": Way("operation", job_status), "DELETE": Way("operation", job_cancel)}
_FILE: Ways = {"GET": Way("operation", job_file)}


def route(method: str, path: tuple[str, ...], operations: Mapping[str, Operation]) -> Route:
    """The interaction at an address; raises `NotFound`, `NotAllowed` (with `allow`)."""
    if path and path[-1].startswith("$"):
        return _operation(method, path, operations)
    if not path or path[0] not in TYPES:
        return Route(_by_method(method, _of_system(path), path))
    type_, *below = path
    if type_ == "AuditEvent" and (found := _of_trail(method, path)):
        return found
    if not below:
        return Route(_by_method(method, _TYPE, path), type_)
    if below[0].startswith("_"):
        return Route(_by_method(method, _below_type(path), path), type_)
    if len(below) == 1:
        return Route(_by_method(method, _INSTANCE, path), type_, below[0])
    return Route(_by_method(method, _below_instance(path), path), type_, below[0])


def _of_trail(method: str, path: tuple[str, ...]) -> Route | None:
    """Where an AuditEvent may be one of the ledger's: reading one and searching."""
    match path[1:]:
        case () if method in ("GET", "HEAD"):
            return Route(_AUDIT_SEARCH, path[0])
        case ("_search",) if method == "POST":
            return Route(_AUDIT_SEARCH, path[0])
        case (id_,) if not id_.startswith("_"):
            return Route(_by_method(method, _AUDIT_INSTANCE, path), path[0], id_)
        case _:
            return None


def _by_method(method: str, ways: Ways, path: tuple[str, ...]) -> Way:
    way = ways.get("GET" if method == "HEAD" else method)
    if way is None:
        allow = ", ".join([*ways, "HEAD"] if "GET" in ways else ways)
        raise NotAllowed("{method} is not for /{path}: use {allow}.", method=method[:20], path="/".join(path)[:200], allow=allow)
    return way


def _of_system(path: tuple[str, ...]) -> Ways:
    match path:
        case ():
            return _SYSTEM
        case ("metadata",):
            return _METADATA
        case ("_history",):
            return _HISTORY_SYSTEM
        case ("_search",):
            return _POST_SYSTEM
        case ("_jobs", _):
            return _JOB
        case ("_jobs", _, _):
            return _FILE
        case _:
            raise _nothing_at(path)


def _below_type(path: tuple[str, ...]) -> Ways:
    match path[1:]:
        case ("_history",):
            return _HISTORY_TYPE
        case ("_search",):
            return _POST_TYPE
        case _:
            raise _nothing_at(path)


def _below_instance(path: tuple[str, ...]) -> Ways:
    has_compartment = path[0] in compartment_names()
    match path[2:]:
        case ("_history",):
            return _HISTORY
        case ("_history", _):
            return _VREAD
        case ("_search",) if has_compartment:
            return _POST_COMPARTMENT
        case (member,) if has_compartment and (member == "*" or member in TYPES):
            return _COMPARTMENT
        case (member, "_search") if has_compartment and member in TYPES:
            return _POST_COMPARTMENT
        case _:
            raise _nothing_at(path)


def _nothing_at(path: tuple[str, ...]) -> NotFound:
    text = "There is nothing at /{path}."
    if path[0] not in TYPES and path[0][:1].isupper():
        text = f"There is no resource type {path[0][:80]}."
        return NotFound(text, issues=(Issue("error", "not-supported", text),))
    return NotFound(text, path="/".join(path)[:200])


def _operation(method: str, path: tuple[str, ...], operations: Mapping[str, Operation]) -> Route:
    name = path[-1][1:]
    type_ = path[0] if len(path) > 1 else ""
    id_ = path[1] if len(path) > 2 else ""
    if len(path) > 3 or (type_ and type_ not in TYPES):
        raise _nothing_at(path)
    level = "instance" if id_ else "type" if type_ else "system"
    actions = [*BUILT_IN.get(name, ()), *(action_of(operations[name]) if name in operations else ())]
    fitting = [action for action in actions if level in action.levels and (level == "system" or not action.types or type_ in action.types)]
    if not fitting:
        raise _no_operation(path, name)
    ways = {verb: Way("operation", action.run, writes=action.writes) for action in fitting for verb in _verbs(action)}
    return Route(_by_method(method, ways, path), type_, id_)


def _verbs(action: Action) -> tuple[str, ...]:
    return ("POST",) if action.post_only else ("GET", "POST")


def _no_operation(path: tuple[str, ...], name: str) -> NotFound:
    text = f"There is no operation ${name[:80]} here."
    return NotFound("There is nothing at /{path}.", path="/".join(path)[:200], issues=(Issue("error", "not-supported", text),))
