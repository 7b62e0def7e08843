"""`_filter`: the examples of the R4 page, each operator, and what is refused."""

import pytest

from xinglin.base.errors import Malformed, Unknown
from xinglin.fhir.search.filter import read_filter
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import All, Chain, Has, Not, Some, SpanAsked, TextAsked
from xinglin.fhir.search.operands import Reading


def meant(type, text):
    return read_filter(Reading(), type, text)


def asked(type, query):
    return read_search(type, [tuple(query.split("=", 1))], strict=True).where.terms[0]


@pytest.mark.parametrize(
    ("type", "text", "query"),
    [
        ("Patient", 'name co "pet"', "name:contains=pet"),
        ("Patient", "name sw pet", "name=pet"),
        ("Patient", "birthdate ge 2014-10-10", "birthdate=ge2014-10-10"),
        ("Observation", "code eq http://loinc.org|1234-5", "code=http://loinc.org|1234-5"),
        ("Observation", "code in http://a.cn/vs", "code:in=http://a.cn/vs"),
        ("Observation", "code ni http://a.cn/vs", "code:not-in=http://a.cn/vs"),
        ("Observation", "code ss http://s|1", "code:below=http://s|1"),
        ("Observation", "code sb http://s|1", "code:above=http://s|1"),
        ("Observation", "subject re Patient/4", "subject=Patient/4"),
        ("Observation", "value-quantity gt 5||mg", "value-quantity=gt5||mg"),
        ("Observation", "code pr false", "code:missing=true"),
        ("Observation", "code-value-quantity eq x$gt5", "code-value-quantity=x$gt5"),
        ("Observation", 'subject:Patient.name co "pet"', "subject:Patient.name:contains=pet"),
        ("Patient", "_has:Observation:patient:code eq x", "_has:Observation:patient:code=x"),
    ],
)
def test_a_test_means_what_the_parameter_means(type, text, query):
    assert meant(type, text) == asked(type, query)


def test_what_parameters_cannot_say_has_modifiers_of_its_own():
    assert [meant("Patient", f'name {sign} "a b"').modifier for sign in ("eq", "co", "ew")] == ["equals", "contains", "ends"]
    assert meant("ValueSet", "url sw http://a").modifier == "starts"
    assert meant("Patient", 'name eq "a \\"b\\" 李"').asked == (TextAsked('a "b" 李'),)


def test_and_and_or_are_taken_from_left_to_right():
    term = meant("Patient", "active eq true or gender eq male and family eq Li")
    assert isinstance(term, All)
    assert isinstance(term.terms[0], Some)
    assert meant("Patient", "active eq true and gender eq male and family eq Li") == All(
        tuple(meant("Patient", text) for text in ("active eq true", "gender eq male", "family eq Li"))
    )
    grouped = meant("Patient", "active eq true or (gender eq male and family eq Li)")
    assert isinstance(grouped, Some)
    assert isinstance(grouped.terms[1], All)


def test_not_turns_what_is_in_its_parentheses():
    assert meant("Patient", "not (gender eq male)") == Not(meant("Patient", "gender eq male"))


def test_unequal_means_there_is_a_value_and_it_is_another():
    assert meant("Patient", "gender ne male") == All((asked("Patient", "gender:missing=false"), Not(asked("Patient", "gender=male"))))


def test_overlap_is_about_the_span_as_written():
    (span,) = meant("Observation", "date po 2020-01-01T00:00:00Z").asked
    assert span == SpanAsked("ap", 1_577_836_800_000_000, 1_577_836_801_000_000)


def test_a_filter_in_brackets_narrows_where_a_chain_leads():
    term = meant("Observation", 'subject[name co "pet"].gender eq male')
    assert isinstance(term, Chain)
    assert term.targets == (("Patient", All((meant("Patient", 'name co "pet"'), meant("Patient", "gender eq male")))),)


def test_has_may_lead_on():
    term = meant("Patient", "_has:Observation:patient:performer.name co x")
    assert isinstance(term, Has)
    assert isinstance(term.term, Chain)


UNREADABLE = (
    "", "name", "name eq", "name eq x or", "(name eq x", "name eq x)", 'name eq "x', "not name eq x", "name pr maybe", "birthdate eq soon",
    "general-practitioner[name eq x] eq y", "name eq x gender eq y", 'name eq "\\ud800"',
)  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(Malformed):
        meant("Patient", text)


@pytest.mark.parametrize("text", ["colour eq red", "name gt x", "gender co ma", "name.x eq y", "_has:Horse:patient:code eq x", "name xx y"])
def test_what_the_server_has_not_is_refused(text):
    with pytest.raises(Unknown):
        meant("Patient", text)
