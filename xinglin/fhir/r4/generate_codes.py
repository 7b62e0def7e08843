"""The code tables' half of `generate.py`: published code systems, and the value sets that can be enumerated from them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NOT_OURS = ("http://dicom.nema.org/resources/ontology/DCM",)  # large, and bound to by no element of R4


def code_systems(published: list[Json]) -> dict[str, list[Any]]:
    """By url: [title, [[code, display, parent code]]] of every complete code system; a display equal to its code is left out."""
    found: dict[str, list[Any]] = {}
    for system in published:
        if system["content"] == "complete" and system.get("concept") and system["url"] not in NOT_OURS:
            found[system["url"]] = [system.get("title") or system["name"], _concepts(system["concept"], "")]
    return found


def _concepts(concepts: list[Json], parent: str) -> list[list[str]]:
    rows = []
    for concept in concepts:
        above = parent or next((p["valueCode"] for p in concept.get("property", ()) if p["code"] == "subsumedBy"), "")
        row = [concept["code"], " ".join(concept.get("display", "").split()), above]
        if row[1] == row[0]:
            row[1] = ""
        while row[-1] == "":
            row.pop()
        rows.append(row)
        rows += _concepts(concept.get("concept", []), concept["code"])
    return rows


def value_sets(published: list[Json], systems: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """By url: [[system, [codes] or [] for the whole system]] of every value set that the committed code systems enumerate."""
    sets = {v["url"]: v for v in published}
    found = {url: _include_all(v, sets, systems, 0) for url, v in sets.items()}
    return {url: rows for url, rows in found.items() if rows}


def _include_all(value_set: Json, sets: dict[str, Json], systems: dict[str, list[Any]], depth: int) -> list[Any] | None:
    compose = value_set.get("compose", {})
    if "exclude" in compose or depth > 8:
        return None
    rows: list[Any] = []
    for include in compose.get("include", ()):
        part = _include(include, sets, systems, depth)
        if part is None:
            return None
        rows += part
    return rows


def _include(include: Json, sets: dict[str, Json], systems: dict[str, list[Any]], depth: int) -> list[Any] | None:
    system = include.get("system")
    if "valueSet" in include:
        if system is not None or len(include["valueSet"]) != 1:
            return None
        inner = sets.get(include["valueSet"][0].partition("|")[0])
        return _include_all(inner, sets, systems, depth + 1) if inner else None
    if "concept" in include:
        return [[system, [c["code"] for c in include["concept"]]]]
    if system not in systems:
        return None
    if "filter" in include:
        codes = _filtered(include["filter"], systems[system][1])
        return [[system, codes]] if codes else None
    return [[system, []]]


def _filtered(filters: list[Json], concepts: list[list[str]]) -> list[str] | None:
    """Codes under one `is-a` or `descendent-of` filter on the concept; None for every other filter."""
    if len(filters) != 1 or filters[0]["property"] != "concept" or filters[0]["op"] not in ("is-a", "descendent-of"):
        return None
    top = filters[0]["value"]
    below = {top}
    while len(grown := below | {c[0] for c in concepts if len(c) == 3 and c[2] in below}) > len(below):
        below = grown
    return [c[0] for c in concepts if c[0] in below and (filters[0]["op"] == "is-a" or c[0] != top)]
