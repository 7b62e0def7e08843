"""Names of people: surnames by their frequency, given names by generation and sex. All persons are invented."""

from __future__ import annotations

from itertools import accumulate
from random import Random

from xinglin.engines.synthesis.tables import rows

_SURNAMES = [name for name, _ in rows("surnames")]
_SURNAME_STEPS = list(accumulate(int(weight) for _, weight in rows("surnames")))
_GIVEN = {sex: [(int(until), names.split()) for s, until, names in rows("given_names") if s == sex] for sex in ("male", "female")}
_ONE_CHARACTER = {
    "male": "明华文军海山林峰平春林东国志永建宏德学玉成松柏青云江河川岩",
    "female": "英华兰梅芳云霞玉珍红春秀凤月雪琴丽萍莲香菊娥荣蓉芬芝",
}


def surname(rng: Random) -> str:
    """A surname, as frequent as in life."""
    return rng.choices(_SURNAMES, cum_weights=_SURNAME_STEPS)[0]


def given_name(rng: Random, sex: str, birth_year: int) -> str:
    """A given name of one's generation."""
    names = next(names for until, names in _GIVEN[sex] if birth_year < until)
    if birth_year < 1982 and rng.random() < 0.35:
        return rng.choice(_ONE_CHARACTER[sex]) + rng.choice(_ONE_CHARACTER[sex])
    return rng.choice(names)
