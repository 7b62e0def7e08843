"""What FHIR adds to FHIRPath (R4, fhirpath.html), type reflection, and the time (given as the variable `now`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.functions.conversions import system_type
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.narrative import is_narrative
from xinglin.fhir.fhirpath.temporal import Temporal, of_datetime, read_moment, temporal
from xinglin.fhir.fhirpath.types import Field, Type, fhir_type, is_fhir
from xinglin.fhir.fhirpath.values import FALSE, NONE, TRUE, Item, Items, Json, listed, plain, resource_item, system, text_of

_STRUCTURES = "http://hl7.org/fhir/StructureDefinition/"
_URLS = frozenset({"uri", "url", "canonical"})


# --- values and extensions ---


def _has_value(items: Items) -> Items:
    return TRUE if len(items) == 1 and _is_value(items[0]) else FALSE


def _get_value(items: Items) -> Items:
    return [system(items[0])] if _has_value(items) is TRUE else NONE


def _is_value(item: Item) -> bool:
    return type(item) is not tuple or (item[1].primitive and item[0] is not None)


def _extension(_env: Env, items: Items, url: Items) -> Items:
    wanted, kind = text_of(url), fhir_type("Extension")
    out: Items = []
    if wanted is None or kind is None:
        return out
    for item in items:
        if type(item) is tuple:
            holder = item[0] if type(item[0]) is dict else item[2]
            found: Json = holder.get("extension") if type(holder) is dict else None
            out += [(one, kind, None) for one in listed(found) if _get(one, "url") == wanted]
    return out


# --- types ---


@cache
def _type_info() -> Type:
    text = fhir_type("string")
    names = ("namespace", "name", "baseType")
    fields = {name: Field(name, name, None, text) for name in names}
    return Type("TypeInfo", "", False, frozenset({"TypeInfo"}), None, None, fields)


def _type(items: Items) -> Items:
    return [(_reflection(item), _type_info(), None) for item in items]


def _reflection(item: Item) -> dict[str, str]:
    if type(item) is not tuple:
        return {"namespace": "System", "name": system_type(item), "baseType": "System.Any"}
    kind = item[1]
    return {"namespace": "FHIR", "name": kind.name, "baseType": f"FHIR.{kind.base}" if kind.base else "System.Any"}


# --- references ---


def _resolve(env: Env, items: Items) -> Items:
    out: Items = []
    for item in items:
        url, kind = _reference(item)
        found = _found(url, kind, env) if url else None
        if found is not None:
            out.append(found)
    return out


def _reference(item: Item) -> tuple[str | None, str | None]:
    """The url and the type a reference names."""
    value = plain(item)
    if isinstance(value, str):
        return value, None
    url, kind = _get(value, "reference"), _get(value, "type")
    return (url if isinstance(url, str) else None), (kind if isinstance(kind, str) else None)


def _found(url: str, kind: str | None, env: Env) -> Item | None:
    """A contained resource, an entry of the bundle, what the world finds; without a world, as much as the reference itself says."""
    if url.startswith("#"):
        return _contained(url[1:], env)
    entry = _in_bundle(url, env)
    if entry is not None:
        return entry
    if env.world.resolve is not None:
        return resource_item(env.world.resolve(url))
    parts = url.split("/_history/", maxsplit=1)[0].rsplit("/", 2)
    named = kind or (parts[-2] if len(parts) > 1 else "")
    return resource_item({"resourceType": named, "id": parts[-1]})


def _contained(id: str, env: Env) -> Item | None:
    for item in [*env.root, *env.resource]:
        if not id:
            return item
        found = next((one for one in listed(_get(plain(item), "contained")) if _get(one, "id") == id), None)
        if found is not None:
            return resource_item(found)
    return None


def _in_bundle(url: str, env: Env) -> Item | None:
    bundle = plain(env.root[0]) if env.root else None
    if _get(bundle, "resourceType") != "Bundle":
        return None
    entries = listed(_get(bundle, "entry"))
    env.spend(len(entries))
    for entry in entries:
        full = _get(entry, "fullUrl")
        if full == url or (isinstance(full, str) and ":" not in url and full.endswith("/" + url)):
            return resource_item(_get(entry, "resource"))
    return None


def _get(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None


# --- what the world knows ---


def _member_of(env: Env, items: Items, value_set: Items) -> Items:
    url = text_of(value_set)
    if not items or url is None:
        return NONE
    if env.world.member_of is None:
        raise PathError("memberOf() cannot be answered here: there is no terminology.")
    answers = [env.world.member_of(plain(item), url) for item in items]
    return NONE if None in answers else TRUE if all(answers) else FALSE


def _conforms_to(env: Env, items: Items, profile: Items) -> Items:
    url = text_of(profile)
    if not items or url is None:
        return NONE
    if env.world.conforms is not None:
        answers = [env.world.conforms(plain(item), url) for item in items]
        if None not in answers:
            return TRUE if all(answers) else FALSE
    name = url.removeprefix(_STRUCTURES)
    if name == url or not is_fhir(name):
        raise PathError("conformsTo() names a profile that is not known: {url}.", url=url[:200])
    return TRUE if all(type(item) is tuple and name in item[1].ancestors for item in items) else FALSE


def _html_checks(items: Items) -> Items:
    return TRUE if all(type(item) is tuple and isinstance(item[0], str) and is_narrative(item[0]) for item in items) else FALSE


def _check_modifiers(_env: Env, items: Items, *urls: Items) -> Items:
    """The same items; an error when one has a modifier extension that is not among those named."""
    known = {text_of(url) for url in urls}
    for item in items:
        for extension in listed(_get(plain(item), "modifierExtension") or []):
            url = _get(extension, "url")
            if url not in known:
                raise PathError("The element has the modifier extension {url}, which is not known.", url=str(url)[:200])
    return items


def _slice(_env: Env, _items: Items, _structure: Items, _name: Items) -> Items:
    raise PathError("slice() is not supported: write where(…) with the slice's own condition.")


def _element_definition(_env: Env, _items: Items) -> Items:
    raise PathError("elementDefinition() is not supported: read the StructureDefinition.")


# --- time ---


def _moment(env: Env) -> Temporal:
    given = env.world.variables.get("now")
    if isinstance(given, datetime):
        return of_datetime(given)
    found = read_moment(given, "DateTime") if isinstance(given, str) else None
    if found is None or len(found.parts) < 6:
        raise PathError("The FHIRPath expression asks for the time, which is not given (variable `now`).")
    return found


def _now(env: Env, _items: Items) -> Items:
    return [_moment(env)]


def _today(env: Env, _items: Items) -> Items:
    return [temporal("Date", _moment(env).parts[:3])]


def _time_of_day(env: Env, _items: Items) -> Items:
    moment = _moment(env)
    return [temporal("Time", moment.parts[3:], moment.fraction)]


DIRECT: dict[str, Callable[[Items], Items]] = {
    "hasValue": _has_value,
    "getValue": _get_value,
    "type": _type,
    "htmlChecks": _html_checks,
}
PLAIN: dict[str, Plain] = {
    "extension": Plain(_extension, 1, 1),
    "resolve": Plain(_resolve, 0, 0),
    "memberOf": Plain(_member_of, 1, 1),
    "conformsTo": Plain(_conforms_to, 1, 1),
    "checkModifiers": Plain(_check_modifiers, 0, 99),
    "slice": Plain(_slice, 2, 2),
    "elementDefinition": Plain(_element_definition, 0, 0),
    "now": Plain(_now, 0, 0),
    "today": Plain(_today, 0, 0),
    "timeOfDay": Plain(_time_of_day, 0, 0),
}
