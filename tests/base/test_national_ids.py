"""National numbers: what is valid, what is refused, and why."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.errors import Malformed
from xinglin.base.national_ids import (
    is_credit_code,
    is_organisation_code,
    is_phone,
    is_resident_id,
    make_credit_code,
    make_organisation_code,
    make_resident_id,
    parse_credit_code,
    parse_organisation_code,
    parse_phone,
    parse_resident_id,
    upgrade_resident_id,
)


def test_a_resident_id_tells_area_birth_and_sex():
    found = parse_resident_id("11010020171225006X")
    assert (found.area, found.birth, found.sex) == ("110100", date(2017, 12, 25), "female")


def test_full_width_digits_spaces_and_a_small_x_are_accepted():
    assert parse_resident_id(" 110100 20171225 ００６x ").number == "11010020171225006X"


def test_every_single_mistyped_digit_is_refused():
    number = make_resident_id("580123", date(1958, 3, 2), 128)
    for place in range(17):
        for digit in "0123456789":
            if digit != number[place]:
                assert not is_resident_id(number[:place] + digit + number[place + 1 :])


@pytest.mark.parametrize("text", ["", "1", "11010020171325006X", "11010020170230006X", "01010020171225006X", "11010020171225006٣"])
def test_what_is_no_resident_id_is_refused_with_a_reason(text: str):
    with pytest.raises(Malformed):
        parse_resident_id(text)


def test_a_birth_after_today_is_refused():
    number = make_resident_id("580123", date(2026, 5, 1), 1)
    assert parse_resident_id(number, today=date(2026, 5, 1)).sex == "male"
    with pytest.raises(Malformed, match="birth date"):
        parse_resident_id(number, today=date(2026, 4, 30))


def test_an_old_number_of_15_digits_becomes_one_of_18():
    old = "580123580302128"
    new = upgrade_resident_id(old)
    assert new == make_resident_id("580123", date(1958, 3, 2), 128)
    assert parse_resident_id(old).number == new
    with pytest.raises(Malformed):
        upgrade_resident_id("58012358030212X")


@settings(max_examples=100)
@given(st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.integers(0, 999))
def test_what_is_made_is_read_back(birth: date, serial: int):
    found = parse_resident_id(make_resident_id("580123", birth, serial))
    assert (found.birth, found.serial) == (birth, serial)


def test_a_serial_beyond_three_digits_is_a_programming_error():
    with pytest.raises(ValueError, match="serial 1000"):
        make_resident_id("580123", date(2000, 1, 1), 1000)


def test_organisation_codes():
    assert parse_organisation_code("D2143569-X") == "D2143569X"
    assert make_organisation_code("D2143569") == "D2143569X"
    assert not is_organisation_code("D2143569-1")
    assert not is_organisation_code("D214356")


def test_unified_social_credit_codes():
    code = parse_credit_code("91350100m000100y43")
    assert (code.authority, code.kind, code.area, code.organisation) == ("9", "1", "350100", "M000100Y4")
    assert not is_credit_code("91350100M000100Y44")
    assert not is_credit_code("91350100M000100Z43")
    made = make_credit_code("1", "2", "580123", make_organisation_code("40000001"))
    assert is_credit_code(made)
    assert is_organisation_code(parse_credit_code(made).organisation)


@pytest.mark.parametrize(("text", "number", "kind"), [
    ("154 1234 5678", "15412345678", "mobile"),
    ("+86-15412345678", "15412345678", "mobile"),
    ("010-62345678", "01062345678", "landline"),
    ("(0391) 3568123", "03913568123", "landline"),
])  # fmt: skip
def test_telephone_numbers(text: str, number: str, kind: str):
    found = parse_phone(text)
    assert (found.number, found.kind) == (number, kind)


@pytest.mark.parametrize("text", ["", "12345678901", "1541234567", "154123456789", "62345678"])
def test_what_is_no_telephone_number(text: str):
    assert not is_phone(text)
