"""A resident as every page shows one."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from xinglin.kit.charts import spark_points
from xinglin.kit.i18n import t
from xinglin.kit.person import Person

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def _person(**patient: object) -> Person:
    return Person.of({"resourceType": "Patient", "id": "7", **patient}, NOW, ZoneInfo("Asia/Shanghai"))


def test_a_full_number_never_reaches_a_page() -> None:
    numbers = [{"value": "MR-77120"}, {"value": "58012319590618122X"}]
    person = _person(identifier=numbers, telecom=[{"system": "email", "value": "a@b"}, {"system": "phone", "value": "15412347734"}])
    assert (person.number, person.phone) == ("****122X", "154****7734")
    typed = [{"value": "MR-77120"}, {"type": {"coding": [{"code": "NI"}]}, "value": "A1234567"}]
    assert _person(identifier=typed).number == "****4567"
    assert _person(identifier=[{"value": "12"}]).number == "****"
    assert _person().number == ""


def test_a_name_is_written_in_the_order_of_its_language() -> None:
    assert _person(name=[{"family": "张", "given": ["桂", "兰"]}]).name == "张桂兰"
    assert _person(name=[{"family": "Smith", "given": ["Anna", "B"]}]).name == "Anna B Smith"
    assert _person(name=[{"use": "old", "text": "旧名"}, {"use": "official", "text": "新名"}]).name == "新名"
    assert _person().name == "?"


def test_the_dead_keep_the_age_they_had() -> None:
    gone = _person(birthDate="1950-01-02", deceasedDateTime="2020-01-01T10:00:00+08:00")
    assert (gone.died, gone.age and gone.age.value) == (True, 69)
    assert _person(birthDate="1950-01-02", deceasedBoolean=True).age is None


def test_sex_is_said_even_when_it_is_not_known() -> None:
    assert _person(gender="female").sex == t("Female")
    assert _person(gender="unknown").sex == t("Sex unknown")
    assert _person().sex == t("Sex unknown")


def test_a_small_line_needs_two_numbers_and_stays_in_its_box() -> None:
    assert spark_points([None, 3]) == ""  # type: ignore[list-item]
    places = [tuple(map(float, point.split(","))) for point in spark_points([1, None, 5, 3]).split()]  # type: ignore[list-item]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert all(0 <= x <= 80 and 0 <= y <= 20 for x, y in places)
    assert places[0][1] > places[2][1] > places[1][1]
