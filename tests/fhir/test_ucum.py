"""Amounts in different units are the same amount when UCUM says so."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinglin.fhir.ucum import canonical, comparable, convert, unit_of


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        ("5", "mg", "g", "0.005"),
        ("120", "mm[Hg]", "kPa", "15.99864"),
        ("37", "Cel", "[degF]", "98.6"),
        ("98.6", "[degF]", "Cel", "37"),
        ("70", "kg", "[lb_av]", "154.3235835294143065060816609"),
        ("1", "wk", "d", "7"),
        ("1", "a", "d", "365.25"),
        ("5.4", "mmol/L", "umol/ml", "5.4"),
        ("4.5", "10*12/L", "10*6/uL", "4.5"),
        ("4.5", "10^12/L", "10*6/mm3", "4.5"),
        ("60", "/h", "/min", "1"),
        ("75", "mL/min/{1.73_m2}", "L/h", "4.5"),
        ("9.80665", "m/s2", "[g]", "1"),
        ("1", "kg.m/s2", "N", "1"),
        ("1", "m2.kg/(s2.m)", "N", "1"),
        ("1", "%", "[ppth]", "10"),
        ("3", "[iU]/L", "m[IU]/mL", "3"),
        ("1", "m[H2O]", "cm[H2O]", "100"),
        ("2", "{tbl}", "1", "2"),
        ("1", "KiBy", "By", "1024"),
    ],
)
def test_an_amount_is_converted(value: str, source: str, target: str, expected: str) -> None:
    assert convert(Decimal(value), source, target) == Decimal(expected)


@pytest.mark.parametrize(
    "code", ["", "lbs", "mgg", "kCel/", "mg/", "mg//L", "m g", "(mg", "mg)", "xyz", "kmin", "10*999999999", "Cel/s", "毫克", "0"]
)
def test_what_is_not_ucum_is_unknown(code: str) -> None:
    assert unit_of(code) is None
    assert canonical(Decimal(1), code) is None
    assert not comparable(code, code)


def test_milligrams_and_millilitres_do_not_compare() -> None:
    assert not comparable("mg", "mL")
    assert convert(Decimal(1), "mg", "mL") is None


def test_arbitrary_units_compare_only_with_themselves() -> None:
    assert comparable("[iU]", "k[iU]")
    assert not comparable("[iU]", "[USP'U]")
    assert not comparable("[pH]", "mol/L")


def test_the_canonical_form_does_not_depend_on_how_the_unit_was_written() -> None:
    assert canonical(Decimal("1.5"), "mg/dL") == canonical(Decimal(15), "ug/mL") == (Decimal(15), "g.m-3")
    assert canonical(Decimal(60), "/h") == canonical(Decimal(1), "/min")
    assert canonical(Decimal(37), "Cel") == (Decimal("310.15"), "K")


def test_a_code_of_a_hundred_brackets_is_refused_quickly() -> None:
    assert unit_of("(" * 90 + "m" + ")" * 90) is None


@given(st.text(alphabet="mgkL/.()10*-2[]{}'% Cel", max_size=30))
def test_any_text_is_a_unit_or_unknown(code: str) -> None:
    unit = unit_of(code)
    assert unit is None or unit.factor > 0
