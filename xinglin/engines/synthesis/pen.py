"""Writing one resident's record: ids, moments and references that every resource of it shares.

Sub-elements (codes, references) are shared between resources to be fast: treat what comes out as read only.
`meta` alone is made afresh for each resource.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random

from xinglin.engines.synthesis.codes import UCUM, Json
from xinglin.engines.synthesis.course import Course
from xinglin.engines.synthesis.staff import Institution, Worker

_TENTHS = [Decimal(n).scaleb(-1) for n in range(6000)]
_HUNDREDTHS = [Decimal(n).scaleb(-2) for n in range(3000)]


def tenths(value: float) -> Decimal:
    """A decimal with one place."""
    return _TENTHS[int(value * 10 + 0.5)]


def hundredths(value: float) -> Decimal:
    """A decimal with two places."""
    return _HUNDREDTHS[int(value * 100 + 0.5)]


@dataclass(slots=True)
class Record:
    """One resident's record while it is written.

    `until` is the last day something may have happened, `ended` whether by death. `course` is set by who is followed for a lasting
    illness; `supplies` are the running prescriptions, by drug.
    """

    rng: Random
    patient: Json
    sex: str
    birth: date
    until: date
    ended: bool = False
    allergic_to_penicillin: bool = False
    course: Course | None = None
    supplies: dict[str, Json] = field(default_factory=dict)
    out: list[Json] = field(default_factory=list)

    def put(self, resource: Json) -> Json:
        """Adds a resource; returns the reference to it."""
        self.out.append(resource)
        return {"reference": f"{resource['resourceType']}/{resource['id']}"}

    def pressure(self, day: date) -> tuple[float, float]:
        """A measured blood pressure (mmHg) of a day: by the course of illness, or by age."""
        age = self.age(day)
        mean = self.course.at(day) if self.course else (112 + min(age, 80) * 0.22, 72 + min(age, 55) * 0.1)
        systolic = mean[0] + self.rng.gauss(0, 6)
        return systolic, min(mean[1] + self.rng.gauss(0, 4), systolic - 25)

    def age(self, day: date) -> float:
        """Age in years."""
        return (day - self.birth).days / 365.25


@dataclass(slots=True)
class Visit:
    """One encounter while its contents are written."""

    record: Record
    at: str
    day: date
    place: Institution
    doctor: Worker
    ref: Json


def moment(day: date, minute: int) -> str:
    """A moment of China time; `minute` of the day."""
    return f"{day.isoformat()}T{minute // 60:02d}:{minute % 60:02d}:00+08:00"


def quantity(value: Decimal | int, unit: str, code: str) -> Json:
    """A UCUM quantity."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code}
