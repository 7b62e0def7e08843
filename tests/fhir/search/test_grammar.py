"""Query strings and what they ask: one case for each paragraph of FHIR R4 search."""

from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xinglin.base.errors import Malformed, TooLarge, Unknown, XinglinError
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.grammar import in_compartment, read_search, write_search
from xinglin.fhir.search.model import (
    AmountAsked,
    Chain,
    Clause,
    Has,
    Include,
    LinkAsked,
    Order,
    PresenceAsked,
    Some,
    SpanAsked,
    TextAsked,
    TokenAsked,
    TupleAsked,
)
from xinglin.fhir.search.operands import Limits

OBSERVATION, PATIENT = search_params("Observation"), search_params("Patient")
DAY_US = 86_400_000_000


def read(type, query, **more):
    return read_search(type, parse_qsl(query, keep_blank_values=True), **{"strict": True, **more})


def clause(type, query, **more):
    (only,) = read(type, query, **more).where.terms
    return only


def asked(type, query, **more):
    return clause(type, query, **more).asked


# --- tokens ---


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("8480-6", TokenAsked(None, "8480-6", "8480-6")),
        ("http://loinc.org|8480-6", TokenAsked("http://loinc.org", "8480-6", "http://loinc.org|8480-6")),
        ("|8480-6", TokenAsked("", "8480-6", "|8480-6")),
        ("http://loinc.org|", TokenAsked("http://loinc.org", None, "http://loinc.org|")),
        (r"a\,b\|c\\d", TokenAsked(None, r"a,b|c\d", r"a,b|c\d")),
    ],
)
def test_a_code_in_each_of_its_forms(value, token):
    assert asked("Observation", f"code={value}") == (token,)


def test_values_between_commas_are_alternatives_and_parameters_add_up():
    search = read("Observation", "code=a,b&code=c")
    assert [[t.code for t in c.asked] for c in search.where.terms] == [["a", "b"], ["c"]]


@pytest.mark.parametrize("modifier", ["not", "text", "in", "not-in", "above", "below"])
def test_a_code_takes_each_token_modifier(modifier):
    found = clause("Observation", f"code:{modifier}=http://a.cn/x|1")
    assert (found.modifier, found.asked[0].text) == (modifier, "http://a.cn/x|1")


def test_of_type_has_three_parts():
    assert asked("Patient", "identifier:of-type=http://t|MR|12345")[0].of_type == ("http://t", "MR", "12345")
    with pytest.raises(Malformed, match="identifier"):
        read("Patient", "identifier:of-type=MR|12345")


def test_missing_is_true_or_false():
    assert clause("Patient", "gender:missing=true") == Clause(PATIENT["gender"], "missing", (PresenceAsked(True),))
    with pytest.raises(Malformed, match="gender:missing"):
        read("Patient", "gender:missing=yes")


# --- strings, uris, references ---


def test_a_string_as_it_starts_exactly_or_containing():
    assert clause("Patient", "name=Li") == Clause(PATIENT["name"], None, (TextAsked("Li"),))
    assert clause("Patient", "name:exact=Li").modifier == "exact"
    assert clause("Patient", "name:contains=Li").modifier == "contains"


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("subject=Patient/7", LinkAsked("Patient", "7")),
        ("subject=Patient/7/_history/2", LinkAsked("Patient", "7")),
        ("subject=7", LinkAsked(None, "7")),
        ("subject:Patient=7", LinkAsked("Patient", "7")),
        ("subject:Patient=Patient/7", LinkAsked("Patient", "7")),
        ("subject=http://b.cn/fhir/Patient/7", LinkAsked(None, None, "http://b.cn/fhir/Patient/7")),
        ("subject=http://a.cn/fhir/Patient/7", LinkAsked("Patient", "7")),
        ("subject=urn:uuid:0a", LinkAsked(None, None, "urn:uuid:0a")),
    ],
)
def test_a_reference_in_each_of_its_forms(query, link):
    assert clause("Observation", query, base="http://a.cn/fhir") == Clause(OBSERVATION["subject"], None, (link,))


def test_a_reference_by_identifier():
    found = clause("Observation", "subject:identifier=urn:id|110")
    assert found == Clause(OBSERVATION["subject"], "identifier", (TokenAsked("urn:id", "110", "urn:id|110"),))


def test_a_reference_to_a_type_it_never_leads_to_is_refused():
    with pytest.raises(Unknown, match="subject"):
        read("Observation", "subject:Medication=7")


# --- dates, numbers, quantities, composites ---


def test_a_date_covers_what_its_precision_says():
    assert asked("Observation", "date=ge1970-01-02T00:00:00Z") == (SpanAsked("ge", DAY_US, DAY_US + 1_000_000),)
    assert asked("Observation", "date=1970-01-02") == (SpanAsked("eq", 16 * 3_600_000_000, 40 * 3_600_000_000),)
    assert asked("Observation", "date=1970-01-02T08:00:00+08:00")[0].lo == DAY_US  # the + arrives as a space


def test_about_a_date_is_a_tenth_of_the_time_since():
    (about,) = asked("Observation", "date=ap1970-01-02T00:00:00Z", now_us=11 * DAY_US)
    assert (about.lo, about.hi) == (0 + 50_000, 2 * DAY_US + 950_000)


@pytest.mark.parametrize(
    ("value", "lo", "hi"),
    [("100", "99.5", "100.5"), ("100.00", "99.995", "100.005"), ("1e2", "95", "105"), ("-5.4", "-5.45", "-5.35"), ("0", "-0.5", "0.5")],
)
def test_a_number_covers_what_its_precision_says(value, lo, hi):
    (amount,) = asked("RiskAssessment", f"probability={value}")
    assert (amount.prefix, amount.lo, amount.hi) == ("eq", Decimal(lo), Decimal(hi))


def test_about_a_number_is_a_tenth_more_or_less():
    assert asked("RiskAssessment", "probability=ap0.50") == (AmountAsked("ap", Decimal("0.50"), Decimal("0.45"), Decimal("0.55")),)


def test_a_quantity_with_its_unit():
    ucum = "http://unitsofmeasure.org"
    (amount,) = asked("Observation", f"value-quantity=lt5.4|{ucum}|mmol/L")
    assert (amount.prefix, amount.value, amount.system, amount.code) == ("lt", Decimal("5.4"), ucum, "mmol/L")
    assert asked("Observation", "value-quantity=5.4||mg")[0].code == "mg"
    with pytest.raises(Malformed, match="value-quantity"):
        read("Observation", "value-quantity=5.4|mg")


def test_a_composite_has_one_operand_for_each_part():
    (both,) = asked("Observation", "code-value-quantity=http://loinc.org|8480-6$gt140")
    assert isinstance(both, TupleAsked)
    assert (both.parts[0].code, both.parts[1].prefix) == ("8480-6", "gt")
    with pytest.raises(Malformed, match="code-value-quantity"):
        read("Observation", "code-value-quantity=8480-6")


WRONG = """
    date=yesterday date=2021-02-30 value-quantity=abc value-quantity=1e999 value-quantity=NaN code=| _count=-1 _count=many
    _total=some _summary=all code:text=, _since=ge2020 _include=Observation _elements=-
"""


@pytest.mark.parametrize("query", WRONG.split())
def test_a_value_of_the_wrong_form_is_refused_by_name(query):
    with pytest.raises(Malformed, match=query.partition("=")[0]):
        read("Observation", query)


# --- chains, _has ---


def test_a_chain_leads_over_several_references():
    chain = clause("Observation", "subject:Patient.general-practitioner:Organization.name:exact=Clinic")
    assert (chain.param, chain.targets[0][0]) == (OBSERVATION["subject"], "Patient")
    onward = chain.targets[0][1]
    assert isinstance(onward, Chain)
    assert onward.targets == (("Organization", Clause(search_params("Organization")["name"], "exact", (TextAsked("Clinic"),))),)


def test_a_chain_without_a_type_goes_to_each_type_that_has_the_parameter():
    assert [target for target, _ in clause("Observation", "subject.birthdate=1990").targets] == ["Patient"]
    assert [target for target, _ in clause("Observation", "subject.identifier=7").targets] == ["Device", "Group", "Location", "Patient"]
    with pytest.raises(Unknown):
        read("Observation", "subject.nothing=7")


def test_has_looks_at_what_refers_here():
    has = clause("Patient", "_has:Observation:patient:code=8480-6")
    assert isinstance(has, Has)
    assert (has.type, has.source, has.param) == ("Patient", "Observation", OBSERVATION["patient"])
    assert has.term == clause("Observation", "code=8480-6")


def test_has_nests_and_chains():
    nested = clause("Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/1")
    assert nested.term.source == "AuditEvent"
    assert isinstance(clause("Patient", "_has:Observation:patient:performer.name=Li").term, Chain)
    assert isinstance(clause("Observation", "patient._has:Group:member:_id=9").targets[0][1], Has)


def test_has_through_a_parameter_that_does_not_lead_here_is_refused():
    for query in ("_has:Observation:code:status=x", "_has:Observation:encounter:status=x", "_has:Nothing:patient:status=x"):
        with pytest.raises(Unknown):
            read("Patient", query)
    with pytest.raises(Malformed):
        read("Patient", "_has:Observation:patient=x")


# --- what shapes the answer ---


def test_includes_forward_and_backward():
    search = read("Observation", "_include=Observation:subject:Patient&_include:iterate=Patient:organization&_revinclude=Provenance:target")
    assert search.includes == (
        Include("Observation", OBSERVATION["subject"], "Patient", False, False),
        Include("Patient", PATIENT["organization"], None, False, True),
        Include("Provenance", search_params("Provenance")["target"], None, True, False),
    )
    stars = read("Observation", "_include=*&_revinclude=*&_include:recurse=Patient:*").includes
    assert stars == (
        Include("Observation", None, None, False, False),
        Include("*", None, None, True, False),
        Include("Patient", None, None, False, True),
    )


def test_sort_count_total_summary_and_elements():
    search = read("Observation", "_sort=-date,code&_count=5&_total=none&_summary=data&_elements=status,Observation.code&_cursor=abc")
    assert search.order == (Order(OBSERVATION["date"], True), Order(OBSERVATION["code"], False))
    assert (search.count, search.total, search.summary, search.elements, search.cursor) == (5, "none", "data", ("status", "code"), "abc")


def test_a_page_is_never_larger_than_the_limit():
    assert read("Observation", "_count=999999", limits=Limits(count=50)).count == 50


def test_since_is_last_updated_at_or_after():
    assert clause("Observation", "_since=1970-01-02T00:00:00Z") == clause("Observation", "_lastUpdated=ge1970-01-02T00:00:00Z")


def test_what_every_type_can_be_asked():
    search = read("Observation", "_id=1,2&_tag=a|b&_security=R&_profile=http://p&_source=urn:x&_text=heart&_content=heart&_list=7")
    assert [term.param.name for term in search.where.terms] == "_id _tag _security _profile _source _text _content _list".split()


def test_a_search_of_other_types_finds_nothing():
    assert read("Observation", "_type=Observation,Patient").where.terms == ()
    assert read("Observation", "_type=Patient").where.terms == (Some(()),)


# --- strict and lenient ---


UNKNOWN = """
    colour=red code:exact=x date:below=2020 code= _include=Nothing:x _include=Observation:code _include:all=Observation:subject _sort=colour
    _sort= _sort=code-value-quantity _contained=true near=1|2 colour.name=x code.name=x _text:not=x _type=Horse
"""


@pytest.mark.parametrize("query", [*UNKNOWN.split(), "_filter=colour eq red"])
def test_the_unknown_is_refused_when_strict_and_reported_when_lenient(query):
    with pytest.raises(Unknown):
        read("Observation", query)
    lenient = read("Observation", query + "&status=final", strict=False)
    assert lenient.ignored == (query.partition("=")[0],)
    assert lenient.asked == (("status", "final"),)
    assert len(lenient.where.terms) == 1


def test_a_value_of_the_wrong_form_is_refused_even_when_lenient():
    with pytest.raises(Malformed):
        read("Observation", "date=yesterday", strict=False)


def test_a_type_that_r4_has_not_is_refused():
    with pytest.raises(Unknown, match="Horse"):
        read("Horse", "")


# --- limits ---


@pytest.mark.parametrize(
    "query",
    [
        "&".join(["status=final"] * 300),
        "code=" + ",".join(map(str, range(1_001))),
        "code=" + "x" * 300_000,
        "subject:Patient.organization" + ".partof" * 8 + ".name=x",
        "subject:Patient.link:Patient" + ".link:Patient" * 30 + ".name=x",
        "focus.focus.focus.focus.focus._id=1",
        "_filter=" + "(" * 500,
        "_filter=" + " and ".join(["status eq final"] * 500),
        "&".join(f"_include=Observation:subject&_include=Observation:{name}" for name in ("performer", "device", "encounter") * 20),
    ],
)
def test_a_search_that_asks_too_much_is_refused(query):
    with pytest.raises(TooLarge):
        read("Observation", query)


# --- compartments, links ---


def test_a_compartment_narrows_a_search_to_one_patient():
    search = in_compartment(read("Observation", "code=8480-6"), "Patient", "7")
    assert search.where.terms[0].param == OBSERVATION["code"]
    members = search.where.terms[1]
    assert isinstance(members, Some)
    assert [(c.param.name, c.asked) for c in members.terms] == [(n, (LinkAsked("Patient", "7"),)) for n in ("subject", "performer")]


def test_a_patient_is_in_the_compartment_of_itself():
    terms = in_compartment(read("Patient", ""), "Patient", "7").where.terms[0].terms
    assert Clause(PATIENT["_id"], None, (TokenAsked(None, "7", "7"),)) in terms


def test_a_type_outside_a_compartment_is_refused():
    with pytest.raises(Unknown):
        in_compartment(read("Medication", ""), "Patient", "7")


def test_the_self_link_says_what_was_understood_and_reads_back_the_same():
    search = read(
        "Observation", "code=http://loinc.org|8480-6,x\\,y&subject:Patient.name=李 四&colour=red&_count=5&_cursor=abc", strict=False
    )
    link = write_search(search)
    assert "colour" not in link
    assert "_cursor" not in link
    again = read("Observation", link)
    assert (again.where, again.asked, again.count) == (search.where, search.asked, 5)
    assert write_search(search, _cursor="z|1").endswith("&_cursor=z%7C1")


# --- any query string ---

NAMES = """
    code code:not subject subject:Patient.name subject. . : date value-quantity code-value-quantity _sort _count _include
    _has:Observation:patient:code _has: _has::: _filter _elements _id _list _text _type _since _total _summary _lastUpdated focus.focus.code
    patient._has:Group:member:_id _contained _cursor identifier:of-type url:below _revinclude:iterate
""".split()
PIECES = r"""
    \ | $ , ge 2020 -01 T 1e 5.4 Patient/1 Observation:subject * eq ( ) not( code " [ ] . status - true { } ９ + http://a.cn/x|1 pr
    _has:Observation:patient:code
""".split()
VALUES = st.lists(st.sampled_from([*PIECES, " ", " and ", "\ud800", "\0"]), max_size=7).map("".join)
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), VALUES | st.text(max_size=8)), max_size=4)


def outcome(type, pairs, strict):
    """The self link, or the first finding of an error of the house."""
    try:
        return write_search(read_search(type, pairs, strict=strict))
    except XinglinError as refused:
        return refused.as_issues()[0].text


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(("Observation", "Patient", "Bundle", "Location")), PAIRS, st.booleans())
@example("Observation", [("_filter", 'code eq "\\ud800"')], True)
@example("Observation", [("{x}", "{y}")], True)
def test_no_query_string_raises_anything_but_an_error_of_the_house(type, pairs, strict):
    assert isinstance(outcome(type, pairs, strict), str)
