"""A fictional Chinese county as FHIR R4: institutions, staff, households, residents, and years of their records. All is invented.

Pure and deterministic: the same seed, number of residents and day give the same resources, in any number of shards.
References come after what they refer to, within a shard; all ids are UUIDs of version 8. Resources share sub-elements
(codes, references): treat them as read only.

Administrative code 580123 lies in a province number GB/T 2260 does not give; mobile numbers begin with 154, which no operator
serves the public with. Shares of illness are assumptions (see `illness.SHARES`), not statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis import care, households, staff, stories
from xinglin.engines.synthesis.codes import Json
from xinglin.engines.synthesis.households import Household
from xinglin.engines.synthesis.ids import luck
from xinglin.engines.synthesis.lives import live
from xinglin.engines.synthesis.people import household_resources
from xinglin.engines.synthesis.stories import Story

__all__ = ["Story", "county", "shards", "stories_of"]
GUARDED_DAYS = 290
"""How long the granddaughter has looked after her grandfather's affairs."""


def county(seed: int, residents: int = 20_000, *, today: date) -> Iterator[Json]:
    """All resources of the county: institutions and staff, then one household after another."""
    return shards(seed, residents, of=1, index=0, today=today)


def shards(seed: int, residents: int, *, of: int, index: int, today: date) -> Iterator[Json]:
    """Part `index` of `of` disjoint parts of the county. Part 0 has the institutions, to which all parts refer."""
    if not 0 <= index < of:
        raise ValueError(f"there is no part {index} of {of}")
    ground = staff.build(seed, today)
    if index == 0:
        yield from ground.resources
    told = stories.households_of(seed, residents, today)
    taken = tuple(person.card for home, _ in told for person in home.members)
    for number, (home, story) in enumerate(told):
        if number % of == index:
            rng = luck(seed, f"story/{story.key}")
            yield from household_resources(home, ground, rng, today)
            yield from story.tell(home, ground, rng, today)
            yield from care.under_way(story.key, home, ground, luck(seed, f"care/{story.key}"), today)
            yield from _guardian(story.key, home, told, ground, luck(seed, f"guardian/{story.key}"), today)
    for home in households.plan(seed, residents, today, taken):
        if home.number % of == index:
            yield from _household(home, ground, luck(seed, f"household/{home.number}"), today)


def _guardian(
    key: str, home: Household, told: list[tuple[Household, Story]], ground: staff.County, rng: Random, today: date
) -> Iterator[Json]:
    """吴长根 is 81 and lives alone; his granddaughter 刘丽 looks after his affairs."""
    family = next((one for one, story in told if story.key == "liu_li"), None)
    if key == "wu_changgen" and family:
        source, since = ground.townships[home.town].source, today - timedelta(days=GUARDED_DAYS)
        yield care.guardian_of(home.members[0], family.members[0], "GRNDDAU", "孙女（意定监护人）", source, rng, since)


def _household(home: Household, ground: staff.County, rng: Random, today: date) -> Iterator[Json]:
    yield from household_resources(home, ground, rng, today)
    for person in home.members:
        yield from live(person, home, ground, rng, today).out


def stories_of(seed: int, residents: int = 20_000, *, today: date) -> tuple[tuple[Story, tuple[str, ...]], ...]:
    """The hand-drawn residents of a county, each with the ids of their Patients (whom it is about first)."""
    told = stories.households_of(seed, residents, today)
    return tuple((story, tuple(person.id for person in home.members)) for home, story in told)
