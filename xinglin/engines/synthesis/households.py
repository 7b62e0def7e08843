"""Who lives with whom: households of an ageing Chinese county, drawn from seven kinds of family.

The whole plan is drawn in every shard (it is cheap), so that shards agree on names, numbers and families without talking.
Shares are our own assumption, set so that about a quarter of the county is 60 or older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from xinglin.base.national_ids import make_resident_id
from xinglin.engines.synthesis import names, places
from xinglin.engines.synthesis.ids import luck, make_id

SINGLE, MARRIED, WIDOWED, DIVORCED = "10", "20", "30", "40"


@dataclass(frozen=True, slots=True)
class Person:
    """A resident to be. `number` counts residents of the county from 0; `relation` is to the head of the household."""

    number: int
    id: str
    relation: str
    sex: str
    birth: date
    family: str
    given: str
    card: str
    phone: str | None
    marital: str
    insurance: str | None
    death: date | None

    @property
    def name(self) -> str:
        """Surname and given name."""
        return self.family + self.given


@dataclass(frozen=True, slots=True)
class Household:
    """People at one address. `house` is the house number."""

    number: int
    id: str
    town: int
    village: int
    house: int
    ethnicity: str
    members: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a family before somebody takes it."""

    relation: str
    sex: str
    age: int
    marital: str
    family: str


def plan(seed: int, residents: int, today: date, taken: tuple[str, ...] = ()) -> Iterator[Household]:
    """Households until there are `residents` people; the last one is cut to fit. `taken` are the id numbers of earlier residents."""
    draft = _Draft(luck(seed, "households"), today, taken)
    number = 0
    while draft.people < residents:
        yield draft.household(number, residents - draft.people)
        number += 1


class _Draft:
    """The county's people while they are drawn: resident id numbers are given once."""

    def __init__(self, rng: Random, today: date, taken: tuple[str, ...]) -> None:
        self.rng = rng
        self.today = today
        self.people = len(taken)
        self.cards = set(taken)

    def household(self, number: int, room: int) -> Household:
        """The next household, of at most `room` members."""
        rng = self.rng
        town = rng.choices(range(len(places.TOWNS)), cum_weights=_TOWN_STEPS)[0]
        family = rng.choices(_FAMILIES, cum_weights=_FAMILY_STEPS)[0]
        seats = family(rng, names.surname(rng))[:room]
        members = tuple(self.person(seat) for seat in seats)
        ethnicity = rng.choices(("01", "03", "06", "11", "15"), (94, 2, 1, 2, 1))[0]
        return Household(number, make_id(rng), town, rng.randrange(10), rng.randrange(1, 400), ethnicity, members)

    def person(self, seat: Seat) -> Person:
        """Somebody for a seat, with a number nobody else has."""
        rng = self.rng
        birth = self.today - timedelta(days=int((seat.age + rng.random()) * 365.25) + 1)
        given = names.given_name(rng, seat.sex, birth.year)
        old = seat.age >= 75
        phone = None
        if seat.age >= 14 and rng.random() < (0.5 if old else 0.95):
            phone = places.MOBILE_PREFIX + f"{rng.randrange(10**8):08d}"
        made = Person(
            number=self.people,
            id=make_id(rng),
            relation=seat.relation,
            sex=seat.sex,
            birth=birth,
            family=seat.family,
            given=given,
            card=self.card(seat, birth),
            phone=phone,
            marital=seat.marital,
            insurance=_insurance(rng, seat.age),
            death=self.today - timedelta(days=rng.randrange(20, 700)) if seat.age >= 70 and rng.random() < 0.03 else None,
        )
        self.people += 1
        return made

    def card(self, seat: Seat, birth: date) -> str:
        """A resident id number; one in ten who married in brings that of a neighbouring county."""
        rng = self.rng
        area = rng.choice(places.NEIGHBOUR_AREAS) if seat.relation == "配偶" and rng.random() < 0.3 else places.AREA
        while True:
            card = make_resident_id(area, birth, rng.randrange(500) * 2 + (seat.sex == "male"))
            if card not in self.cards:
                self.cards.add(card)
                return card


def _insurance(rng: Random, age: int) -> str | None:
    chance = rng.random()
    if chance < 0.025:
        return None
    return "310" if age >= 22 and chance < 0.2 else "390"


def _other(rng: Random) -> str:
    return names.surname(rng)


def _couple(rng: Random, family: str, age: int) -> list[Seat]:
    wife = max(20, age - rng.randrange(-1, 5))
    return [Seat("户主", "male", age, MARRIED, family), Seat("配偶", "female", wife, MARRIED, _other(rng))]


def _children(rng: Random, family: str, mother: int, oldest: int, at_home_until: int) -> list[Seat]:
    """One or two (seldom three) children of a mother, none older than `at_home_until`."""
    count = rng.choices((1, 2, 3), (46, 45, 9))[0]
    first = min(oldest, mother - rng.randrange(21, 30))
    ages = [first - n * rng.randrange(2, 6) for n in range(count)]
    return [_child(rng, family, age) for age in ages if 0 <= age <= at_home_until]


def _child(rng: Random, family: str, age: int) -> Seat:
    boy = rng.random() < 0.525
    return Seat("子" if boy else "女", "male" if boy else "female", age, SINGLE, family)


def _old_couple(rng: Random, family: str) -> list[Seat]:
    return _couple(rng, family, _triangular(rng, 60, 88, 67))


def _old_alone(rng: Random, family: str) -> list[Seat]:
    sex = "female" if rng.random() < 0.62 else "male"
    marital = rng.choices((WIDOWED, SINGLE, DIVORCED), (85, 10 if sex == "male" else 2, 5))[0]
    return [Seat("户主", sex, _triangular(rng, 64, 95, 76), marital, family)]


def _left_behind(rng: Random, family: str) -> list[Seat]:
    """Grandparents with the children of those who work in the cities."""
    seats = _couple(rng, family, _triangular(rng, 54, 74, 62))
    for _ in range(rng.choices((1, 2), (60, 40))[0]):
        boy = rng.random() < 0.525
        seats.append(Seat("孙子" if boy else "孙女", "male" if boy else "female", rng.randrange(1, 15), SINGLE, family))
    return seats


def _nuclear(rng: Random, family: str) -> list[Seat]:
    age = _triangular(rng, 25, 50, 38)
    seats = _couple(rng, family, age)
    return seats + _children(rng, family, seats[1].age, 22, 22)


def _three_generations(rng: Random, family: str) -> list[Seat]:
    age = _triangular(rng, 27, 52, 38)
    seats = _couple(rng, family, age)
    seats += _children(rng, family, seats[1].age, 20, 20)
    mother = age + rng.randrange(21, 29)
    father = mother + rng.randrange(0, 5)
    both = father < 80 and rng.random() < 0.72
    if both or rng.random() < 0.3:
        seats.append(Seat("父亲", "male", father, MARRIED if both else WIDOWED, family))
    if both or seats[-1].relation != "父亲":
        seats.append(Seat("母亲", "female", mother, MARRIED if both else WIDOWED, _other(rng)))
    return seats


def _middle_aged(rng: Random, family: str) -> list[Seat]:
    seats = _couple(rng, family, _triangular(rng, 44, 64, 54))
    if rng.random() < 0.55:
        seats.append(_child(rng, family, rng.randrange(16, min(30, seats[1].age - 20))))
    return seats


def _alone(rng: Random, family: str) -> list[Seat]:
    sex = "male" if rng.random() < 0.66 else "female"
    age = _triangular(rng, 21, 62, 40)
    return [Seat("户主", sex, age, rng.choices((SINGLE, DIVORCED), (70, 30))[0], family)]


def _triangular(rng: Random, low: int, high: int, mode: int) -> int:
    return int(rng.triangular(low, high, mode))


_FAMILIES: tuple[Callable[[Random, str], list[Seat]], ...] = (
    _old_couple, _old_alone, _left_behind, _nuclear, _three_generations, _middle_aged, _alone,
)  # fmt: skip
_FAMILY_STEPS = (18, 29, 36, 57, 73, 91, 100)
_TOWN_STEPS = tuple(sum(t.weight for t in places.TOWNS[: n + 1]) for n in range(len(places.TOWNS)))
