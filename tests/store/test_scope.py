"""Who may see two patients sees of the others nothing: not by reading, not in the past, not by any search, chain, count or include."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.asking import asked, paged
from tests.store.meaning import World, links
from tests.store.ward import QUESTIONS, ward
from xinglin.base.errors import Gone, NotFound, Stale
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import search_params
from xinglin.store import Create, Delete, DeleteWhere, Records, Scope, Store, Stored, Update
from xinglin.store.layout import layout
from xinglin.store.rows import patient_links
from xinglin.store.searching import predicate, predicates, shapes
from xinglin.store.searching.scope import SHARED, Patients

SEEN = ("p-1", "p-6")
OTHERS = ("p-0", "p-2", "p-3", "p-4", "p-5")
TREATED = ("p-1",)
WITHHELD = {"DiagnosticReport": ("p-6",)}
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


def patient_of(resource: Resource) -> str | None:
    if resource["resourceType"] == "Patient":
        return resource["id"]
    name = patient_links(layout(resource["resourceType"]))
    found = links(resource, search_params(resource["resourceType"])[name]) if name else ()
    return next((id_ for type_, id_ in found if type_ == "Patient"), None)


def may_be_seen(resource: Resource) -> bool:
    """The rule in plain words: of two patients; the most sensitive of one; no report of the other; and what is nobody's."""
    type_, patient = resource["resourceType"], patient_of(resource)
    if RESTRICTED in resource.get("meta", {}).get("security", ()) and patient not in TREATED:
        return False
    if layout(type_).patient is None or (type_ in SHARED and patient is None):
        return True
    return patient in SEEN and patient not in WITHHELD.get(type_, ())


def labelled(resources: list[Resource]) -> list[Resource]:
    """The ward with every fifth resource marked as most sensitive, those of institutions too."""
    return [one | {"meta": {"security": [RESTRICTED]}} if place % 5 == 0 else one for place, one in enumerate(resources)]


@pytest.fixture(scope="module")
async def everything(module_records: Records) -> list[Resource]:
    """The ward as stored, some of it labelled as most sensitive, some changed and deleted since."""
    written = labelled(ward(5, 8, 90))
    stored = [o.stored.resource() for o in await module_records.write([Update(one, one["id"]) for one in written]) if o.stored]
    again = [one for one in stored if one["resourceType"] in ("Observation", "Patient")][::3]
    newer = {
        (o.stored.type, o.stored.id): o.stored.resource()
        for o in await module_records.write([Update(one, one["id"]) for one in again])
        if o.stored
    }
    gone = [one for one in stored if one["resourceType"] == "Encounter"][::5]
    await module_records.write([Delete("Encounter", one["id"]) for one in gone])
    return [newer.get((one["resourceType"], one["id"]), one) for one in stored if one not in gone]


@pytest.fixture(scope="module")
async def visible(everything: list[Resource]) -> World:
    return World(one for one in everything if may_be_seen(one))


@pytest.fixture(scope="module")
async def narrow(module_store: Store, everything: list[Resource]) -> Records:
    """The records as someone sees them who cares for two patients."""
    ground = module_store.ground
    async with ground.pool.connection() as connection:
        numbers = {id_: await ground.interning.person(connection, ground.hashes.id(id_)) for id_ in SEEN}
    treated = Patients(numbers[id_] for id_ in TREATED)
    withheld = {type_: Patients(numbers[id_] for id_ in ids) for type_, ids in WITHHELD.items()}
    return module_store.records(Scope(Patients(numbers.values()), treated, withheld))


async def test_a_record_of_another_patient_is_not_there(everything: list[Resource], narrow: Records):
    for one in everything:
        type_, id_ = one["resourceType"], one["id"]
        asks: list[Callable[[], object]] = [
            lambda t=type_, i=id_: narrow.read(t, i),
            lambda t=type_, i=id_: narrow.vread(t, i, 1),
            lambda t=type_, i=id_: narrow.history(t, i),
        ]
        for ask in asks:
            if may_be_seen(one):
                await ask()  # pyright: ignore[reportGeneralTypeIssues]
            else:
                with pytest.raises(NotFound):
                    await ask()  # pyright: ignore[reportGeneralTypeIssues]


async def history(records: Records, *about: str) -> list[Stored]:
    entries: list[Stored] = []
    cursor = None
    while True:
        page = await records.history(*about, count=13, cursor=cursor)
        entries += page.entries
        cursor = page.next
        if cursor is None:
            return entries


async def test_histories_show_every_version_of_the_own_patients_and_none_of_others(visible: World, narrow: Records):
    for about in ((), ("Observation",), ("Patient",), ("Encounter",), ("Practitioner",)):
        entries = await history(narrow, *about)
        newest = {(one.type, one.id) for one in entries}
        assert newest == {key for key in visible.by_key if not about or key[0] == about[0]}
        assert all(may_be_seen(one.resource()) for one in entries)
        for key, one in visible.by_key.items():
            if not about or key[0] == about[0]:
                assert sum((e.type, e.id) == key for e in entries) == int(one["meta"]["versionId"])


async def test_what_was_filed_under_another_patient_before_is_not_shown(module_records: Records, narrow: Records):
    """A record filed wrongly, then moved: who cares for the right patient does not see the wrong one's."""
    wrong = {"resourceType": "Observation", "status": "final", "code": {"text": "secret"}, "subject": {"reference": "Patient/p-0"}}
    await module_records.write([Update(wrong, "o-moved")])
    await module_records.write([Update({**wrong, "subject": {"reference": "Patient/p-1"}}, "o-moved")])
    assert (await narrow.read("Observation", "o-moved")).version == (await narrow.vread("Observation", "o-moved", 2)).version == 2
    with pytest.raises(NotFound):
        await narrow.vread("Observation", "o-moved", 1)
    for about in (("Observation", "o-moved"), ("Observation",), ()):
        assert [e.version for e in await history(narrow, *about) if e.id == "o-moved"] == [2]
    assert (await narrow.history("Observation", "o-moved")).total is None
    assert (await module_records.history("Observation", "o-moved")).total == 2
    await module_records.write([Delete("Observation", "o-moved")])
    with pytest.raises((NotFound, Gone)):
        await narrow.vread("Observation", "o-moved", 2)


BY_TYPE = {
    type_: [q.partition("?")[2] for q in QUESTIONS if q.startswith(type_ + "?")]
    for type_ in ("Observation", "Patient", "Encounter", "Appointment", "DiagnosticReport", "Practitioner", "Group")
}
ENDS = ["", "&_sort=-date", "&_sort=date,_id", "&_sort=_id", "&_sort=_lastUpdated"]


@st.composite
def searches(draw: st.DrawFn) -> str:
    type_ = draw(st.sampled_from(sorted(BY_TYPE)))
    parts = draw(st.lists(st.sampled_from(BY_TYPE[type_]), min_size=1, max_size=3, unique=True))
    dated = type_ in ("Observation", "Encounter", "Appointment", "DiagnosticReport")
    return f"{type_}?{'&'.join(parts)}{draw(st.sampled_from(ENDS)) if dated else ''}"


@settings(max_examples=120, deadline=None)
@given(
    text=searches(), few=st.sampled_from([0, 1, 1000]), near=st.sampled_from([2, 500]), common=st.booleans(),
    form=st.sampled_from(["one by one", "list", "bits"]),
)  # fmt: skip
async def test_any_search_finds_what_it_means_among_what_may_be_seen(
    visible: World, narrow: Records, text: str, few: int, near: int, common: bool, form: str
):
    with pytest.MonkeyPatch.context() as patch:
        if form != "one by one":
            patch.setattr(shapes, "FEW_APART_MAX", 0)
        if form == "bits":
            patch.setattr(predicate, "FEW_WALKED", 0)
            patch.setattr(predicate, "LISTED_MAX", 0)
        if few or not any(odd in text for odd in (":contains", " co ", ":missing", ":text", ":not")):
            patch.setattr(predicates, "FEW_MAX", few)
        patch.setattr(shapes, "NEAR_ROWS", near)
        patch.setattr(shapes, "NEAR_CODE_ROWS", near)
        patch.setattr(shapes, "NEAR_SCOPED_ROWS", near)
        if common:
            patch.setattr(shapes, "RARE_ROWS", -1)
        meant = visible.found(asked(text))
        assert sorted(await paged(narrow, text, 4)) == meant
        assert (await narrow.search(replace(asked(text), summary="count"))).total == len(meant)
        assert (await narrow.search(replace(asked(text), total="accurate", count=1))).total == len(meant)


async def test_conditions_see_no_other_patient_either(module_records: Records, narrow: Records):
    assert [o.status for o in await narrow.write([DeleteWhere(asked("Patient?identifier=urn:mrn|000"))])] == ["absent"]
    assert (await module_records.read("Patient", "p-0")).id == "p-0"
    with pytest.raises(Stale):
        await narrow.write(
            [Create({"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "Patient?identifier=urn:mrn|000"}})]
        )
