"""FHIR XML and FHIR JSON say the same, both ways; XML that attacks is refused."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.errors import Malformed, NotAcceptable
from xinglin.fhir.codec import decode_resource
from xinglin.fhir.xml import from_xml, to_xml

EXAMPLES = Path(__file__).parents[3] / "node_modules" / "hl7.fhir.r4.examples"
LARGE_BYTES = 400_000


def xml(inner: str, type: str = "Patient") -> bytes:
    return f'<{type} xmlns="http://hl7.org/fhir">{inner}</{type}>'.encode()


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official examples are not installed (npm install)")
def test_official_examples_of_every_type_come_back_equal():
    taken: dict[str, int] = {}
    compared = 0
    for file in sorted(EXAMPLES.glob("*-*.json")):
        type = file.name.partition("-")[0]
        if taken.get(type, 0) >= 30 or file.stat().st_size > LARGE_BYTES:
            continue
        resource = decode_resource(file.read_bytes())
        taken[type] = taken.get(type, 0) + 1
        compared += 1
        assert from_xml(to_xml(resource)) == resource, file.name
    assert len(taken) >= 140
    assert compared > 800


def test_elements_stand_in_the_order_of_the_definition():
    patient = {
        "resourceType": "Patient",
        "birthDate": "1960-03-01",
        "active": True,
        "name": [{"given": ["Wei"], "family": "Zhang"}],
        "id": "p",
    }
    written = to_xml(patient).decode()
    places = [written.index(tag) for tag in ("<id ", "<active ", "<name>", "<family ", "<given ", "<birthDate ")]
    assert places == sorted(places)


def test_numbers_and_booleans_are_typed_and_decimals_keep_their_zeros():
    resource = from_xml(
        xml(
            '<status value="final"/><code><text value="K"/></code><valueQuantity><value value="1.50"/></valueQuantity>'
            '<component><code><text value="a"/></code><valueInteger value="7"/></component>'
            '<component><code><text value="b"/></code><valueBoolean value="false"/></component>',
            "Observation",
        )
    )
    assert str(resource["valueQuantity"]["value"]) == "1.50"
    assert resource["component"][0]["valueInteger"] == 7
    assert resource["component"][1]["valueBoolean"] is False
    assert b'value="1.50"' in to_xml(resource)


def test_a_whole_decimal_is_a_whole_number():
    quantity = from_xml(xml('<status value="final"/><valueQuantity><value value="5"/></valueQuantity>', "Observation"))["valueQuantity"]
    assert quantity["value"] == 5
    assert isinstance(quantity["value"], int)


def test_a_very_small_decimal_is_exact():
    observation = {"resourceType": "Observation", "status": "final", "valueQuantity": {"value": Decimal("1E-12")}}
    assert from_xml(to_xml(observation)) == observation


def test_extensions_of_primitives_keep_their_place_in_a_list():
    name = {"given": ["A", None, "C"], "_given": [None, {"extension": [{"url": "u", "valueCode": "x"}]}, {"id": "3"}]}
    patient = {"resourceType": "Patient", "name": [name], "_birthDate": {"extension": [{"url": "u", "valueBoolean": True}]}}
    assert from_xml(to_xml(patient)) == patient


def test_extensions_on_the_first_of_two_names_do_not_slip_to_the_second():
    patient = {"resourceType": "Patient", "name": [{"given": ["A", "B"], "_given": [{"id": "1"}, None]}]}
    assert from_xml(to_xml(patient)) == patient


def test_contained_resources_and_bundles_hold_resources_of_their_own_type():
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o", "name": "卫生院"}]}}],
    }
    assert from_xml(to_xml(bundle)) == bundle


def test_a_narrative_is_kept_letter_by_letter():
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p  class="a>b">x &lt; 1<br/><!-- n --> 血压</p></div>'
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert div in to_xml(patient).decode()
    assert from_xml(to_xml(patient)) == patient


def test_a_narrative_with_names_only_html_knows_is_written_with_numbers():
    patient = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a&nbsp;b</div>'},
    }
    assert from_xml(to_xml(patient))["text"]["div"] == '<div xmlns="http://www.w3.org/1999/xhtml">a&#160;b</div>'


def test_a_narrative_that_would_break_out_of_the_document_is_shown_as_text():
    div = '<div xmlns="http://www.w3.org/1999/xhtml"></div></text><active value="true"/><text><div></div>'
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    read = from_xml(to_xml(patient))
    assert "active" not in read
    assert "&lt;/text&gt;" in read["text"]["div"]


def test_line_ends_tabs_and_signs_survive():
    patient = {"resourceType": "Patient", "name": [{"text": "a\n\tb\r\"<&>'  c"}]}
    assert from_xml(to_xml(patient)) == patient


def test_a_control_character_cannot_be_written():
    with pytest.raises(NotAcceptable):
        to_xml({"resourceType": "Patient", "name": [{"text": "a\x01"}]})


@pytest.mark.parametrize(
    "attack",
    [
        b'<!DOCTYPE Patient [<!ENTITY a SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"><id value="&a;"/></Patient>',
        b'<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Patient xmlns="http://hl7.org/fhir"><id value="&b;"/></Patient>',
        b'<!DOCTYPE Patient SYSTEM "http://example.org/p.dtd"><Patient xmlns="http://hl7.org/fhir"/>',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="&b;"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir">' + b'<extension url="a">' * 100_000,
        xml("<text><status value='generated'/><div xmlns='http://www.w3.org/1999/xhtml'>" + "<b>" * 5000 + "</b>" * 5000 + "</div></text>"),
    ],
)
def test_entities_document_types_and_depth_are_refused(attack: bytes):
    with pytest.raises(Malformed):
        from_xml(attack)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        b"<Patient/>",
        b'<Patient xmlns="http://hl7.org/fhir">',
        b'<Nobody xmlns="http://hl7.org/fhir"/>',
        b'<DomainResource xmlns="http://hl7.org/fhir"/>',
        "<Patient xmlns='http://hl7.org/fhir'><id value='é'/></Patient>".encode("latin-1"),
        xml("text"),
        xml('<active value="yes"/>'),
        xml("<active/>"),
        xml('<active value="true"/><active value="false"/>'),
        xml('<active value="true" colour="red"/>'),
        xml('<height value="1"/>'),
        xml('<multipleBirthInteger value="1.5"/>'),
        xml("<contained/>"),
        xml('<text><div xmlns="urn:other">x</div></text>'),
        xml('<x:id xmlns:x="urn:other" value="1"/>'),
        xml('<text><h:div xmlns:h="http://www.w3.org/1999/xhtml">x</h:div></text>'),
    ],
)
def test_what_is_no_fhir_xml_is_malformed(broken: bytes):
    with pytest.raises(Malformed):
        from_xml(broken)


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": "Nobody"},
        {"resourceType": "Patient", "height": 1},
        {"resourceType": "Patient", "name": "x"},
        {"resourceType": "Patient", "active": {}},
    ],
)
def test_what_is_no_resource_cannot_be_written(resource: dict):
    with pytest.raises(Malformed):
        to_xml(resource)


def test_comments_schema_locations_and_prefixes_are_passed_over():
    raw = (
        b'<?xml version="1.0" encoding="UTF-8"?><!-- a --><f:Patient xmlns:f="http://hl7.org/fhir" '
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x.xsd">'
        b'\n <!-- b --><f:active value="true"/>\n</f:Patient>'
    )
    assert from_xml(raw) == {"resourceType": "Patient", "active": True}


def test_a_resource_nested_too_deep_cannot_be_written():
    inner: dict = {"url": "u"}
    for _ in range(300):
        inner = {"url": "u", "extension": [inner]}
    with pytest.raises(Malformed):
        to_xml({"resourceType": "Patient", "extension": [inner]})


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([b"", b"<", b'"', b"/>", b"</name>", b"&", b"<div>", b"\xff", b' value="']))
def test_a_damaged_document_is_read_or_malformed(place: int, junk: bytes):
    whole = to_xml({"resourceType": "Patient", "id": "p", "active": True, "name": [{"given": ["a", "b"]}], "multipleBirthInteger": 2})
    start = place % len(whole)
    with suppress(Malformed):
        assert from_xml(whole[:start] + junk + whole[start + 3 :])["resourceType"] == "Patient"


MEMBERS = st.sampled_from(["name", "_name", "active", "_active", "text", "contained", "extension", "id", "contact"])
INNER = st.sampled_from(["div", "given", "_given", "url", "extension", "id"])
JUNK = st.recursive(
    st.sampled_from([None, True, 1, "x", "\ud800", "<"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(INNER, inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(MEMBERS, JUNK, max_size=3))
def test_a_resource_of_any_shape_is_written_or_refused(members: dict):
    with suppress(Malformed, NotAcceptable):
        written = to_xml({"resourceType": "Patient"} | members)
        with suppress(Malformed):
            assert from_xml(written)["resourceType"] == "Patient"
