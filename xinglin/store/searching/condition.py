"""A condition on the rows of one table: SQL, whether it is the whole truth, and what of it an index can be entered by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_PLACE = re.compile(r"\$(\d+)")


class Arguments:
    """The numbered arguments of one statement."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: object, cast: str = "") -> str:
        """The place of a value: `$3` or `$3::bigint[]`."""
        self.values.append(value)
        return f"${len(self.values)}{'::' + cast if cast else ''}"

    def settled(self, sql: str) -> tuple[str, list[Any]]:
        """The statement and its values, without those of parts that were dropped on the way."""
        used = sorted({int(place) for place in _PLACE.findall(sql)})
        if len(used) == len(self.values):
            return sql, self.values
        moved = {old: new for new, old in enumerate(used, 1)}
        return _PLACE.sub(lambda found: f"${moved[int(found[1])]}", sql), [self.values[old - 1] for old in used]


@dataclass(slots=True)
class Condition:
    """`sql` None: no row can be ruled out. `exact` False: rows that pass must be checked on their content.

    What the plan may enter by (only from terms that must all hold): `patients`, `codes`, `ids`: lists of numbers or ids the row's
    column must be in; `tokens`: the token groups of which each needs one hit; `ranged`: it bounds a date or number column;
    `walk`: the table and concept whose patients it is about (for `_has`). `single`: it is one token group and nothing else.
    `reach`: plain bounds of a date or number column, implied by `sql`, that a b-tree alone can answer; `closed`: they may leave
    few rows.
    """

    sql: str | None = None
    exact: bool = True
    patients: list[int] | None = None
    codes: list[int] | None = None
    ids: list[Any] | None = None
    tokens: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    ranged: bool = False
    single: bool = False
    walk: tuple[str, int] | None = None
    reach: list[str] = field(default_factory=list[str])
    closed: bool = False

    @property
    def never(self) -> bool:
        """No row can pass."""
        return self.sql == "false"


NEVER = "false"


def unchecked() -> Condition:
    """Only the content can tell."""
    return Condition(None, exact=False)


def never() -> Condition:
    """Nothing passes."""
    return Condition(NEVER)


def any_of(parts: list[Condition]) -> Condition:
    """At least one holds."""
    parts = [part for part in parts if not part.never] or [never()]
    if len(parts) == 1:
        return parts[0]
    exact = all(part.exact for part in parts)
    if any(part.sql is None for part in parts):
        return unchecked()
    tokens = [part.tokens[0] for part in parts if len(part.tokens) == 1 and part.single]
    if len(tokens) == len(parts):  # only tokens: one array overlap says it
        merged = tuple(dict.fromkeys(token for group in tokens for token in group))
        return Condition(" OR ".join(f"({part.sql})" for part in parts), exact, tokens=[merged], single=True)
    return Condition(" OR ".join(f"({part.sql})" for part in parts), exact)


def none_of(part: Condition) -> Condition:
    """It does not hold."""
    if part.never:
        return Condition("true")
    return Condition(f"({part.sql}) IS NOT TRUE") if part.exact and part.sql is not None else unchecked()
