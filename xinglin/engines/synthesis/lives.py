"""The life on record of one resident: what happened, drawn from age, sex and luck."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis import illness
from xinglin.engines.synthesis.acute import fall_ill
from xinglin.engines.synthesis.checkups import body_of, examine, grow_up
from xinglin.engines.synthesis.chronic import Rhythm, follow
from xinglin.engines.synthesis.households import Household, Person
from xinglin.engines.synthesis.illness import Illness, write_allergy, write_illness
from xinglin.engines.synthesis.pen import Record
from xinglin.engines.synthesis.people import ref_of
from xinglin.engines.synthesis.staff import County, Institution
from xinglin.engines.synthesis.stays import admit, clinic_takes, draw_reason

FOLLOWED_DAYS = ((200, 95), (1460, 5))
"""How far back the follow-up of lasting illness is on record, and for which share (%): few came early to the platform."""
REMEMBERED_DAYS = 365
"""How far back passing illness is on record."""
_ILLNESSES_A_YEAR = ((6, 0.55), (15, 0.3), (40, 0.17), (60, 0.28), (75, 0.42), (200, 0.5))
_STAYS_A_YEAR = ((5, 0.03), (40, 0.02), (60, 0.03), (75, 0.07), (200, 0.11))
_ALLERGY_KEYS = [key for _, key, *_ in illness.ALLERGENS]
_ALLERGY_WEIGHTS = [weight for weight, *_ in illness.ALLERGENS]


def begin(person: Person, rng: Random, today: date) -> Record:
    """An empty record; nothing happens after yesterday, or after death."""
    until = min(today - timedelta(days=1), person.death or today)
    return Record(rng, ref_of(person), person.sex, person.birth, until, ended=person.death is not None)


def live(person: Person, home: Household, county: County, rng: Random, today: date) -> Record:
    """The record of somebody as luck has it."""
    record = begin(person, rng, today)
    clinic, room = county.townships[home.town], county.rooms[home.town][home.village]
    age = record.age(record.until)
    if age >= 3 and rng.random() < 0.05:
        kind = rng.choices(_ALLERGY_KEYS, _ALLERGY_WEIGHTS)[0]
        write_allergy(record, clinic, room.workers[0], record.until - timedelta(days=rng.randrange(300, 900)), kind)
    if age < 7:
        grow_up(record, clinic)
    found = illness.draw(rng, person.sex, age, record.until)
    chronic(record, found, county, clinic, room)
    if age >= 65 and not found and rng.random() < 0.25:
        examine(record, record.until - timedelta(days=rng.randrange(1, 360)), clinic, body_of(record, age))
    passing(record, county, clinic, room)
    return record


def chronic(record: Record, found: tuple[Illness, ...], county: County, clinic: Institution, room: Institution) -> None:
    """Lasting illness: on the problem list, followed, and checked each year when old."""
    if not found:
        return
    cares = [write_illness(record, one, clinic, room.workers[0]) for one in found]
    days = record.rng.choices(*zip(*FOLLOWED_DAYS, strict=True))[0]
    first = max(min(one.since for one in found), record.until - timedelta(days=days))
    first += timedelta(days=record.rng.randrange(0, 60))
    follow(record, cares, county, Rhythm(first, room, clinic))
    age = record.age(record.until)
    if age >= 65 and record.rng.random() < 0.25:
        day = record.until - timedelta(days=record.rng.randrange(1, 360))
        examine(record, day, clinic, body_of(record, age))


def passing(record: Record, county: County, clinic: Institution, room: Institution) -> None:
    """Passing illness and stays in hospital of the remembered years."""
    rng = record.rng
    age = record.age(record.until)
    for _ in range(_times(rng, _rate(_ILLNESSES_A_YEAR, age) * REMEMBERED_DAYS / 365)):
        day = _some_day(record)
        chance = rng.random()
        place = room if chance < 0.5 else clinic if chance < 0.78 else county.hospital if chance < 0.92 else county.tcm
        if record.age(day) >= 0.1:
            fall_ill(record, day, place)
    for _ in range(_times(rng, _rate(_STAYS_A_YEAR, age) * REMEMBERED_DAYS / 365)):
        day = _some_day(record)
        if record.age(day) >= 1 and (reason := draw_reason(record, day)):
            small = clinic_takes(record, reason)
            place = clinic if small else county.maternal if reason.key == "birth" else county.hospital
            admit(record, day, place, reason)


def _rate(rates: tuple[tuple[int, float], ...], age: float) -> float:
    return next(rate for below, rate in rates if age < below)


def _times(rng: Random, expected: float) -> int:
    """A Poisson draw."""
    count, left = 0, rng.expovariate(1)
    while left < expected and count < 40:
        count += 1
        left += rng.expovariate(1)
    return count


def _some_day(record: Record) -> date:
    return record.until - timedelta(days=int(record.rng.random() * REMEMBERED_DAYS))
