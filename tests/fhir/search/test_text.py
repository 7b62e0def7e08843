"""How texts are folded before they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinglin.fhir.search.text import normal, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller", "muller"),
        ("ＡＢＣ１２", "abc12"),
        ("李 小  龙", "李 小 龙"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łódź", "łodz"),
        ("がん", "がん"),
        ("한글", "한글"),
    ],
)
def test_case_accents_and_width_do_not_count(text, folded):
    assert normal(text) == folded


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_more(text):
    once = normal(text)
    assert normal(once) == once


def test_words_are_letters_and_figures():
    assert words("Systolic blood-pressure, 收缩压(坐位)") == ("systolic", "blood", "pressure", "收缩压", "坐位")
