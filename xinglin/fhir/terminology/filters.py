"""`ValueSet.compose.include.filter`: which codes of a system a filter keeps.

Source: FHIR R4, ValueSet filter operators (https://hl7.org/fhir/R4/valueset-filter-operator.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, KeysView

from xinglin.base.errors import Invalid, TooCostly
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.system import System, ancestors, descendants, find, values

REGEX_LENGTH_MAX = 200
REGEX_REPEATS_MAX = 3
REGEX_WAYS_MAX = 10_000
"""Ways a pattern may branch: alternatives of its groups multiplied, doubled by each `?`."""

_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?!:)|\(\?:|[()|*+?]|\{\d*,?\d*\}|.", re.DOTALL)


def keep(system: System, filters: Iterable[Resource]) -> KeysView[str]:
    """The codes every filter keeps, in the order of the system. Raises `Invalid` for a filter that cannot be, `TooCostly` for a regex."""
    kept: Collection[str] = system.concepts.keys()
    for asked in filters:
        passes = _passes(system, asked)
        kept = [code for code in kept if passes(code)]
    return dict.fromkeys(kept).keys()


def _passes(system: System, asked: Resource) -> Callable[[str], bool]:
    name, op, value = asked.get("property"), asked.get("op"), asked.get("value")
    if not (isinstance(name, str) and isinstance(op, str) and isinstance(value, str)):
        raise Invalid("A filter of a value set needs property, op and value.")
    if op in _HIERARCHY:
        within = _HIERARCHY[op](system, _root(system, value))
        return (lambda code: code not in within) if op == "is-not-a" else (lambda code: code in within)
    if op == "=":
        return lambda code: value in values(system, code, name)
    if op in ("in", "not-in"):
        listed = frozenset(part.strip() for part in value.split(","))
        wanted = op == "in"
        return lambda code: any(v in listed for v in values(system, code, name)) is wanted
    if op == "exists":
        wanted = value == "true"
        return lambda code: any(True for _ in values(system, code, name)) is wanted
    if op == "regex":
        whole = safe_regex(value).fullmatch
        return lambda code: any(whole(v) for v in values(system, code, name))
    raise Invalid("There is no filter operator {op}.", op=op)


def _root(system: System, value: str) -> str:
    code = find(system, value)
    if code is None:
        raise Invalid("A filter names the code {code}, which {system} does not have.", code=value, system=system.url)
    return code


_HIERARCHY: dict[str, Callable[[System, str], frozenset[str]]] = {
    "is-a": lambda system, root: descendants(system, root) | {root},
    "is-not-a": lambda system, root: descendants(system, root) | {root},
    "descendent-of": descendants,
    "generalizes": lambda system, root: ancestors(system, root) | {root},
}


def safe_regex(pattern: str) -> re.Pattern[str]:
    """A compiled pattern that cannot run away: short, no look-around or back-reference, no repeat around a repeat or a choice.

    Raises `TooCostly` for one that could, `Invalid` for what is no pattern.
    """
    if len(pattern) > REGEX_LENGTH_MAX or _could_run_away(pattern):
        raise TooCostly("The regular expression {regex} could take too long; use a simpler one.", regex=pattern[:REGEX_LENGTH_MAX])
    try:
        return re.compile(pattern)
    except (re.error, OverflowError) as broken:
        raise Invalid("{regex} is not a regular expression: {why}.", regex=pattern, why=str(broken)) from broken


def _could_run_away(pattern: str) -> bool:
    """Reads the pattern left to right. `groups`: for each open group [alternatives, whether a choice or repeat stands in it]."""
    groups, closed, repeats, ways = [[1, 0]], False, 0, 1
    for part in _PARTS.findall(pattern):
        repeated = part in ("*", "+") or (part[0] == "{" and part[-1] == "}")
        if part == "(?" or (part[0] == "\\" and part[1:2].isdigit()) or (repeated and closed):
            return True
        closed = False
        if part in ("(", "(?:"):
            groups.append([1, 0])
        elif part == ")" and len(groups) > 1:
            alternatives, varies = groups.pop()
            ways, closed = ways * alternatives, bool(varies)
            groups[-1][1] |= varies
        elif part == "|":
            groups[-1][0] += 1
            groups[-1][1] = 1
        elif part == "?":
            ways *= 2
            groups[-1][1] = 1
        elif repeated:
            repeats += part[-1] != "}" or "," in part
            groups[-1][1] = 1
    return repeats > REGEX_REPEATS_MAX or ways > REGEX_WAYS_MAX
