"""Whom a search may see. The predicate is part of every query, never a filter over its results.

A scope knows patients by their numbers. Few are asked for as a list, many as a bitmap: one bit to test for a row, 125 kB for a million
patients. Rows that are labelled most sensitive carry a mark in their presence set (`rows.RESTRICTED_MARK`), so that the label costs no
column and no index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

LISTED_MAX = 1_000
"""More patients than these are asked for as a bitmap."""
SHARED = frozenset({"CareTeam", "Device", "Schedule", "Task"})
"""Types of patients whose resources may belong to institutions as well: those that belong to no patient may be seen."""

UNSEARCHED = frozenset({"Binary"})
"""Types that a limited scope finds by no search, include, history or export: they are read one by one, through what they belong to."""


class Patients:
    """A set of patient numbers, in the forms a query takes."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self.numbers = frozenset(numbers)

    def __contains__(self, number: object) -> bool:
        return number in self.numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patients) and other.numbers == self.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)

    @cached_property
    def sorted(self) -> list[int]:
        """Lowest first."""
        return sorted(self.numbers)

    @cached_property
    def bits(self) -> bytes:
        """Bit n is set for patient n, as PostgreSQL's `get_bit` counts: the lowest of each byte first."""
        made = bytearray((max(self.numbers, default=0) >> 3) + 1)
        for number in self.numbers:
            made[number >> 3] |= 1 << (number & 7)
        return bytes(made)


NOBODY = Patients()


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be read and written of whom; None = of everyone. What belongs to no patient's compartment is not limited by patients.

    `patients`: whose records; `treated`: whose most sensitive resources. `withheld`: of a type (`*`: of all), the patients who refuse;
    `by_type`: of a type, whose records instead of `patients`. `open_types`: types that are read of everyone all the same (the most
    sensitive excepted). `begins`: types of which something new may be written for anyone. `speaks_for`: the only patients whose Consent
    may be written. `grounds`: by which relation a patient is among them, `ground` where no relation is needed.
    """

    patients: Patients | None = None
    treated: Patients | None = None
    withheld: Mapping[str, Patients] = field(default_factory=dict[str, Patients])
    by_type: Mapping[str, Patients] = field(default_factory=dict[str, Patients])
    open_types: frozenset[str] = frozenset()
    begins: frozenset[str] = frozenset()
    speaks_for: Patients | None = None
    grounds: Mapping[int, str] = field(default_factory=dict[int, str])
    ground: str = ""

    @classmethod
    def everyone(cls, ground: str = "") -> Self:
        """No limit."""
        return cls(ground=ground)

    @classmethod
    def of(cls, numbers: Iterable[int], treated: Iterable[int] | None = None) -> Self:
        """Some patients; of all of them the most sensitive too, unless `treated` says of whom."""
        patients = Patients(numbers)
        return cls(patients, patients if treated is None else Patients(treated))

    @property
    def unlimited(self) -> bool:
        """Whether it sees everything there is."""
        return self.patients is None and self.treated is None and not self.withheld

    def of_type(self, type_: str) -> Patients | None:
        """Whose resources of a type may be read, before what is withheld; None = everyone's."""
        return None if type_ in self.open_types else self.by_type.get(type_, self.patients)

    def refusing(self, type_: str) -> list[Patients]:
        """The sets of patients whose resources of a type are withheld."""
        return [self.withheld[name] for name in ("*", type_) if name in self.withheld]

    def sees(self, type_: str, patient: int, *, restricted: bool) -> bool:
        """Whether a row may be read: its type (of the Patient compartment) and patient, and whether it is labelled most sensitive."""
        if restricted and self.treated is not None and patient not in self.treated:
            return False
        if any(patient in refusing for refusing in self.refusing(type_)):
            return False
        allowed = self.of_type(type_)
        return allowed is None or patient in allowed or (patient == 0 and type_ in SHARED)

    def may_write_for(self, type_: str, patient: int, *, new: bool) -> bool:
        """Whether a resource of a patient may be written; `new`: there was none under its id."""
        if type_ == "Consent" and self.speaks_for is not None and patient not in self.speaks_for:
            return False
        if self.patients is None or patient in self.patients:
            return True
        return (new and type_ in self.begins) or (patient == 0 and type_ in SHARED)

    def ground_of(self, patient: int) -> str:
        """By what a patient is in the scope: the kind of relation, or the role's own reach."""
        return self.grounds.get(patient, self.ground)
