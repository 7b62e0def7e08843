"""What a record says about itself, checked without a store."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from xinglin.capabilities.health_record import rules
from xinglin.capabilities.health_record.model import Latest, Measure, Problem, Result, Visit, direction

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("typed", "params", "value"),
    [
        ("张桂兰", ("name",), "张桂兰"),
        (" 张 桂兰 ", ("name",), "张桂兰"),
        ("ZGL", ("pinyin", "name"), "zgl"),
        ("zhang", ("pinyin", "name"), "zhang"),
        ("Anna Smith", ("pinyin", "name"), "anna smith"),
        ("1224", ("id-tail",), "1224"),
        ("028x", ("id-tail",), "028X"),
        ("181224", ("id-tail",), "181224"),
        ("15412347734", ("phone", "identifier"), "15412347734"),
        ("0398-1234567", ("phone", "identifier"), "0398-1234567"),
        ("580123195906181224", ("identifier", "phone"), "580123195906181224"),
        ("58012319590618122x", ("identifier", "phone"), "58012319590618122X"),
        ("MR-0042", ("identifier",), "MR-0042"),
        ("1", (), "1"),
        ("123", ("identifier",), "123"),
    ],
)
def test_what_is_typed_means_the_search_a_clerk_would_choose(typed: str, params: tuple[str, ...], value: str) -> None:
    assert rules.meaning_of(typed) == rules.Meant(params, value)


def test_what_is_typed_is_cut_at_a_limit() -> None:
    assert len(rules.meaning_of("a" * 500).value) == rules.TYPED_LENGTH_MAX


def _problem(key: str, active: bool = True, id_: str = "1") -> Problem:
    return Problem(id_, key, ("x",), "", active, "2020", "", "")


def test_the_same_disease_recorded_three_times_is_one_line_that_says_so() -> None:
    lines = rules.gathered(
        [_problem("i|I10", id_="new"), _problem("i|E11", id_="d"), _problem("i|I10", id_="old"), _problem("i|I10", id_="older")]
    )
    assert [(line.id, line.times) for line in lines] == [("new", 3), ("d", 1)]


def test_a_disease_that_came_back_is_active_though_an_earlier_bout_has_ended() -> None:
    (line,) = rules.gathered([_problem("i|J18", active=False, id_="past"), _problem("i|J18", id_="now")])
    assert (line.id, line.active, line.times) == ("now", True, 2)


@pytest.mark.parametrize(
    ("number", "low", "high", "word", "way"),
    [
        (Decimal("6.2"), Decimal("3.9"), Decimal("6.1"), "", "up"),
        (Decimal("6.1"), Decimal("3.9"), Decimal("6.1"), "", "normal"),
        (Decimal("3.8"), Decimal("3.9"), None, "", "down"),
        (Decimal(5), None, None, "", ""),
        (None, Decimal(1), Decimal(2), "", ""),
        (Decimal(5), Decimal("3.9"), Decimal("6.1"), "HH", "critical-up"),
        (Decimal(9), Decimal("3.9"), Decimal("6.1"), "N", "normal"),
        (None, None, None, "POS", "abnormal"),
    ],
)
def test_a_value_lies_as_the_laboratory_says_or_else_against_its_range(number, low, high, word: str, way: str) -> None:
    assert direction(number, low, high, word) == way


def _result(key: str, time: str, *numbers: int) -> Result:
    measures = tuple(Measure((), (), Decimal(number), "", None, None, "", "") for number in numbers)
    return Result(time, key, (key,), "laboratory", measures, time, "")


def test_the_newest_of_each_kind_is_shown_with_its_series_oldest_first() -> None:
    (sugar, fat) = rules.latest_of_each([_result("sugar", "2026", 7), _result("fat", "2025", 2), _result("sugar", "2024", 6)])
    assert (sugar.result.time, [one.time for one in sugar.series]) == ("2026", ["2024", "2026"])
    assert fat.series == (fat.result,)


def test_blood_pressure_is_drawn_before_a_longer_series_of_single_values_and_one_value_is_no_trend() -> None:
    pressure = Latest(_result("bp", "2", 140, 90), (_result("bp", "1", 150, 95), _result("bp", "2", 140, 90)))
    sugar = Latest(_result("s", "3", 7), tuple(_result("s", str(day), 7) for day in range(3)))
    single = Latest(_result("w", "1", 60), (_result("w", "1", 60),))
    assert rules.most_telling([single, sugar, pressure]) is pressure
    assert rules.most_telling([single]) is None


def _visit(id_: str, start: str, place: str = "a", kind: str = "AMB") -> Visit:
    return Visit(id_, kind, (), (), place.upper(), place, "", start, "")


def test_years_are_those_of_the_place_not_of_greenwich_and_undated_visits_come_last() -> None:
    years = rules.by_year([_visit("1", "2025-12-31T17:00:00Z"), _visit("2", "2025-06"), _visit("3", "")], ZONE)
    assert [(year.year, [one.id for one in year.visits]) for year in years] == [(2026, ["1"]), (2025, ["2"]), (None, ["3"])]


def test_the_newest_years_are_open_up_to_a_screenful_and_the_rest_wait() -> None:
    visits = [_visit(f"{year}-{place}", f"{year}-01-{place + 10}") for year in (2026, 2025, 2024, 2023) for place in range(12)]
    assert [year.open for year in rules.by_year(visits, ZONE)] == [True, True, False, False]


def test_a_filter_lets_through_only_its_institution_and_all_classes_people_call_alike() -> None:
    visits = [_visit("1", "2026", "a", "IMP"), _visit("2", "2026", "a", "ACUTE"), _visit("3", "2026", "b", "IMP"), _visit("4", "2026", "a")]
    kept = [one.id for one in visits if rules.Filter("a", "IMP").lets(one)]
    assert kept == ["1", "2"]
    assert rules.places_of(visits) == (("a", "A", 3), ("b", "B", 1))
    assert [(kind, count) for kind, _, count in rules.kinds_of(visits)] == [("IMP", 3), ("AMB", 1)]
