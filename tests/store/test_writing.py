"""What a write leaves behind: versions that count on, refusals that leave nothing, and sets that are written whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.asking import asked, found, rows_of
from xinglin.base.errors import Conflict, Gone, Malformed, NotFound, Stale
from xinglin.base.ids import new_id
from xinglin.fhir.codec import Resource
from xinglin.store import Amend, AmendWhere, AuditRow, Create, Delete, DeleteWhere, Records, Store, Update, UpdateWhere

AUDIT = AuditRow("d-1", "doctor", "create", "Patient", None, None, 201, None, None)


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", **more}


def numbered(value: str, **more: Any) -> Resource:
    return patient(identifier=[{"system": "urn:mrn", "value": value}], **more)


def observation(subject: str, **more: Any) -> Resource:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "pulse"}, "subject": {"reference": subject}, **more}


async def test_versions_count_on_through_changes_deletion_and_return(module_records: Records):
    (made,) = await module_records.write([Create(patient(gender="male"))])
    assert made.stored is not None
    id_ = made.stored.id
    assert (made.status, made.stored.version, made.stored.method) == ("created", 1, "POST")
    (changed,) = await module_records.write([Update(patient(gender="female"), id_, if_match=1)])
    (gone,) = await module_records.write([Delete("Patient", id_)])
    (back,) = await module_records.write([Update(patient(gender="other"), id_)])
    told = [(o.status, o.stored.version, o.stored.method) for o in (changed, gone, back) if o.stored]
    assert told == [("updated", 2, "PUT"), ("deleted", 3, "DELETE"), ("created", 4, "PUT")]
    assert (await module_records.read("Patient", id_)).resource()["gender"] == "other"
    assert (await module_records.vread("Patient", id_, 2)).resource()["gender"] == "female"
    entries = (await module_records.history("Patient", id_)).entries
    assert [(e.version, e.method) for e in entries] == [(4, "PUT"), (3, "DELETE"), (2, "PUT"), (1, "POST")]
    assert sorted({e.tick for e in entries}, reverse=True) == [e.tick for e in entries]


async def test_the_answer_of_a_write_is_byte_for_byte_what_is_read_later(module_records: Records):
    for id_ in (new_id(), "no-uuid", "A" * 64):
        (written,) = await module_records.write(
            [Update(patient(name=[{"family": "欧阳"}], meta={"tag": [{"code": "x"}], "versionId": "77"}), id_)]
        )
        assert written.stored == await module_records.read("Patient", id_) == await module_records.vread("Patient", id_, 1)
        resource = written.stored.resource()
        assert list(resource)[:3] == ["resourceType", "id", "meta"]
        assert resource["meta"] == {"versionId": "1", "lastUpdated": written.stored.last_updated, "tag": [{"code": "x"}]}


async def test_what_is_not_there_is_not_found_and_what_was_deleted_is_gone(module_records: Records):
    for type_, id_ in (("Patient", new_id()), ("MolecularSequence", "x"), ("Patient", "\x00")):
        with pytest.raises(NotFound):
            await module_records.read(type_, id_)
        with pytest.raises(NotFound):
            await module_records.vread(type_, id_, 1)
        with pytest.raises(NotFound):
            await module_records.history(type_, id_)
    await module_records.write([Update(patient(), "p-gone")])
    await module_records.write([Delete("Patient", "p-gone")])
    with pytest.raises(Gone):
        await module_records.read("Patient", "p-gone")
    with pytest.raises(Gone):
        await module_records.vread("Patient", "p-gone", 2)
    for version in (0, -1, 3, 2**31, 2**70):
        with pytest.raises(NotFound):
            await module_records.vread("Patient", "p-gone", version)
    assert (await module_records.vread("Patient", "p-gone", 1)).version == 1


async def test_a_change_of_another_version_than_the_newest_is_refused(module_records: Records):
    await module_records.write([Update(patient(), "p-stale"), Update(patient(), "p-was")])
    await module_records.write([Update(patient(), "p-stale"), Delete("Patient", "p-was")])
    refused = [
        Update(patient(), "p-stale", if_match=1),
        Update(patient(), "p-stale", if_match=3),
        Update(patient(), "p-never", if_match=1),
        Update(patient(), "p-was", if_match=1),
        Delete("Patient", "p-stale", if_match=1),
        Delete("Patient", "p-never", if_match=1),
        Amend("Patient", "p-stale", lambda one: one, if_match=1),
        Update(patient(), "p-stale", if_none_match=True),
        Create(patient(), id="p-stale"),
    ]
    for change in refused:
        with pytest.raises(Stale) as told:
            await module_records.write([change])
        assert told.value.status == 412
    assert (await module_records.read("Patient", "p-stale")).version == 2
    (new,) = await module_records.write([Update(patient(), "p-new", if_none_match=True)])
    assert new.status == "created"
    (kept,) = await module_records.write([Update(patient(), "p-stale", if_match=2)])
    assert kept.stored is not None
    assert kept.stored.version == 3


async def test_deleting_what_is_not_there_is_no_error_and_no_version(module_records: Records):
    await module_records.write([Update(patient(), "p-del")])
    assert [o.status for o in await module_records.write([Delete("Patient", "p-del"), Delete("Patient", "p-nobody")])] == [
        "deleted",
        "absent",
    ]
    assert [o.status for o in await module_records.write([Delete("Patient", "p-del")])] == ["absent"]
    assert len((await module_records.history("Patient", "p-del")).entries) == 2


async def test_a_patch_of_what_is_not_there_is_not_found_and_of_what_was_deleted_is_gone(module_records: Records):
    await module_records.write([Update(patient(), "p-patched")])
    (amended,) = await module_records.write([Amend("Patient", "p-patched", lambda one: {**one, "gender": "male"})])
    assert amended.stored is not None
    assert (amended.stored.version, amended.stored.resource()["gender"]) == (2, "male")
    await module_records.write([Delete("Patient", "p-patched")])
    with pytest.raises(Gone):
        await module_records.write([Amend("Patient", "p-patched", lambda one: one)])
    with pytest.raises(NotFound):
        await module_records.write([Amend("Patient", "p-nobody", lambda one: one)])
    with pytest.raises(NotFound):
        await module_records.write([AmendWhere(asked("Patient?identifier=urn:mrn|nobody"), lambda one: one)])


@pytest.mark.parametrize("conditional", [False, True])
async def test_one_refused_change_leaves_nothing_of_its_set(module_store: Store, module_records: Records, conditional: bool):
    await module_records.write([Update(patient(), "p-kept")])
    before = await rows_of(module_store)
    begun = Create(numbered("set"), if_none_exist=asked("Patient?identifier=urn:mrn|set")) if conditional else Create(numbered("set"))
    for wrong in (Update(patient(), "p-kept", if_match=9), Amend("Patient", "p-nobody", lambda one: one)):
        with pytest.raises((Stale, NotFound)):
            await module_records.write(
                [begun, Update(observation("Patient/p-kept"), "o-set"), Delete("Patient", "p-kept"), wrong][
                    :: 1 if wrong.id == "p-nobody" else 3
                ],
                [AUDIT],
            )
    assert await rows_of(module_store) == before
    assert await found(module_records, "Patient?identifier=urn:mrn|set") == []


class _Broken(RuntimeError):
    pass


def _raises(error: BaseException) -> Any:
    def change(one: Resource) -> Resource:
        raise error

    return change


@pytest.mark.parametrize(
    "error", [_Broken("x"), AttributeError("x"), KeyError("x"), RecursionError(), Malformed("x"), OSError("x"), NotImplementedError()]
)
async def test_a_patch_that_fails_says_so_and_leaves_nothing(module_store: Store, module_records: Records, error: Exception):
    await module_records.write([Update(patient(), "p-unpatched")])
    before = await rows_of(module_store)
    with pytest.raises(type(error)):
        await module_records.write([Create(patient()), Amend("Patient", "p-unpatched", _raises(error))], [AUDIT])
    assert await rows_of(module_store) == before
    assert (await module_records.write([Amend("Patient", "p-unpatched", lambda one: one)]))[0].status == "updated"


async def test_a_patch_cannot_make_another_resource_of_it(module_records: Records):
    await module_records.write([Update(patient(), "p-same")])
    with pytest.raises(Malformed):
        await module_records.write([Amend("Patient", "p-same", lambda one: {**one, "resourceType": "Person"})])
    (kept,) = await module_records.write([Amend("Patient", "p-same", lambda one: {**one, "id": "other"})])
    assert kept.stored is not None
    assert kept.stored.resource()["id"] == "p-same"


async def test_a_resource_that_is_not_as_fhir_says_is_answered_not_waited_for(module_records: Records):
    for wrong in ({"meta": []}, {"meta": "x"}, {"name": {"family": [1]}, "identifier": "x"}):
        try:
            await module_records.write([Update(patient(**wrong), "p-odd")])
        except (Malformed, AttributeError, TypeError):
            continue


async def test_a_resource_may_stand_once_in_a_set(module_records: Records):
    await module_records.write([Update(numbered("twice"), "p-twice")])
    where = asked("Patient?identifier=urn:mrn|twice")
    for second in (Update(patient(), "p-twice"), Delete("Patient", "p-twice"), DeleteWhere(where), UpdateWhere(numbered("twice"), where)):
        with pytest.raises(Conflict):
            await module_records.write([Amend("Patient", "p-twice", lambda one: one), second])
    assert (await module_records.read("Patient", "p-twice")).version == 1
    done = await module_records.write([Update(observation("Patient/p-twice"), "p-twice"), Update(numbered("twice"), "p-twice")])
    assert [o.status for o in done] == ["created", "updated"]


async def test_links_within_a_set_lead_to_what_it_wrote(module_records: Records):
    first, second = f"urn:uuid:{new_id()}", f"urn:uuid:{new_id()}"
    (await module_records.write([Update(patient(), "p-linked")]))
    changes = [
        Create(observation(first, note=[{"text": f"see {first}"}], derivedFrom=[{"reference": second}]), full_url="urn:uuid:o"),
        Create(patient(), full_url=first),
        Update(observation("Patient/p-linked"), "o-linked", full_url=second),
        Amend("Patient", "p-linked", lambda one: {**one, "link": [{"other": {"reference": first}, "type": "seealso"}]}),
    ]
    written, made, _, amended = [o.stored for o in await module_records.write(changes)]
    assert written
    assert made
    assert amended
    resource = written.resource()
    assert resource["subject"]["reference"] == f"Patient/{made.id}"
    assert resource["derivedFrom"][0]["reference"] == "Observation/o-linked"
    assert resource["note"][0]["text"] == f"see {first}"
    assert amended.resource()["link"][0]["other"]["reference"] == f"Patient/{made.id}"
    assert await found(module_records, f"Observation?subject=Patient/{made.id}") == [written.id]


async def test_a_reference_by_search_becomes_the_one_it_finds(module_records: Records):
    await module_records.write(
        [
            Update(numbered("a|1"), "p-one"),
            Update(numbered("+b c"), "p-plus"),
            Update(numbered("many"), "p-m1"),
            Update(numbered("many"), "p-m2"),
        ]
    )
    for query, id_ in (("urn:mrn|a\\|1", "p-one"), ("urn%3Amrn%7C%2Bb%20c", "p-plus"), ("urn:mrn|+b c", "p-plus")):
        (written,) = await module_records.write([Create(observation(f"Patient?identifier={query}"))])
        assert written.stored is not None
        assert written.stored.resource()["subject"]["reference"] == f"Patient/{id_}"
    for query in ("identifier=urn:mrn|none", "identifier=urn:mrn|many"):
        with pytest.raises(Stale):
            await module_records.write([Create(observation(f"Patient?{query}")), Create(numbered("beside"))])
    assert await found(module_records, "Patient?identifier=urn:mrn|beside") == []
    await module_records.write([Update(observation("Patient/p-one"), "o-moved")])
    moved = Amend("Observation", "o-moved", lambda one: {**one, "subject": {"reference": "Patient?identifier=urn:mrn|%2Bb%20c"}})
    with pytest.raises(Malformed):  # a patch's outcome is known too late to look for it: refused, never kept as it is
        await module_records.write([moved])


async def test_a_conditional_create_makes_what_is_not_there_and_leaves_what_is(module_records: Records):
    where = asked("Patient?identifier=urn:mrn|c1")
    (made,) = await module_records.write([Create(numbered("c1"), if_none_exist=where)])
    (again,) = await module_records.write([Create(numbered("c1", gender="male"), if_none_exist=where)])
    assert made.stored is not None
    assert again.stored is not None
    assert (made.status, again.status, again.stored.id, again.stored.version) == ("created", "unchanged", made.stored.id, 1)
    await module_records.write([Create(numbered("c1"))])
    with pytest.raises(Stale):
        await module_records.write([Create(numbered("c1"), if_none_exist=where)])
    with pytest.raises(Stale):  # the id it asks for must be free
        await module_records.write([Create(numbered("c2"), if_none_exist=asked("Patient?identifier=urn:mrn|c2"), id=made.stored.id)])
    assert (await module_records.read("Patient", made.stored.id)).version == 1


async def test_links_to_a_conditional_create_lead_to_what_was_there(module_records: Records):
    await module_records.write([Update(numbered("c3"), "p-c3")])
    where, url = asked("Patient?identifier=urn:mrn|c3"), "urn:uuid:one-more"
    _, written = await module_records.write([Create(numbered("c3"), if_none_exist=where, full_url=url), Create(observation(url))])
    assert written.stored is not None
    assert written.stored.resource()["subject"]["reference"] == "Patient/p-c3"


async def test_two_creates_of_one_set_on_the_same_condition_are_refused(module_records: Records):
    where = asked("Patient?identifier=urn:mrn|c4")
    for second in (Create(numbered("c4"), if_none_exist=where), UpdateWhere(numbered("c4"), where)):
        with pytest.raises(Conflict):
            await module_records.write([Create(numbered("c4"), if_none_exist=where), second])
    assert await found(module_records, "Patient?identifier=urn:mrn|c4") == []


async def test_a_conditional_update_changes_the_one_match_or_makes_it(module_records: Records):
    where = asked("Patient?identifier=urn:mrn|u1")
    with pytest.raises(Stale):
        await module_records.write([UpdateWhere(numbered("u1"), where, if_match=1)])
    (made,) = await module_records.write([UpdateWhere(numbered("u1"), where)])
    assert made.stored is not None
    (changed,) = await module_records.write([UpdateWhere(numbered("u1", gender="male"), where)])
    (named,) = await module_records.write([UpdateWhere(numbered("u1", id=made.stored.id), where, if_match=2)])
    assert [o.stored.version for o in (made, changed, named) if o.stored and o.stored.id == made.stored.id] == [1, 2, 3]
    with pytest.raises(Malformed):
        await module_records.write([UpdateWhere(numbered("u1", id="another"), where)])
    with pytest.raises(Stale):
        await module_records.write([UpdateWhere(numbered("u1"), where, if_match=1)])
    with pytest.raises(Stale):  # nothing matches, and the id it names is taken
        await module_records.write([UpdateWhere(numbered("u2", id=made.stored.id), asked("Patient?identifier=urn:mrn|u2"))])
    (given,) = await module_records.write([UpdateWhere(numbered("u2", id="p-u2"), asked("Patient?identifier=urn:mrn|u2"))])
    assert given.stored is not None
    assert given.stored.id == "p-u2"
    await module_records.write([Create(numbered("u1"))])
    with pytest.raises(Stale):
        await module_records.write([UpdateWhere(numbered("u1"), where)])


async def test_a_conditional_patch_changes_the_one_match(module_records: Records):
    await module_records.write([Update(numbered("a1"), "p-a1")])
    change = AmendWhere(asked("Patient?identifier=urn:mrn|a1"), lambda one: {**one, "active": True})
    (amended,) = await module_records.write([change])
    assert amended.stored is not None
    assert (amended.stored.id, amended.stored.version, amended.stored.resource()["active"]) == ("p-a1", 2, True)
    await module_records.write([Create(numbered("a1"))])
    with pytest.raises(Stale):
        await module_records.write([change])


async def test_a_conditional_delete_takes_the_one_match_or_all_when_asked(module_records: Records):
    where = asked("Patient?identifier=urn:mrn|d1")
    assert [o.status for o in await module_records.write([DeleteWhere(where)])] == ["absent"]
    await module_records.write([Create(numbered("d1"))])
    assert [o.status for o in await module_records.write([DeleteWhere(where)])] == ["deleted"]
    await module_records.write([Create(numbered("d1")) for _ in range(12)])
    with pytest.raises(Stale):
        await module_records.write([DeleteWhere(where)])
    assert len(await found(module_records, "Patient?identifier=urn:mrn|d1")) == 12
    await module_records.write([DeleteWhere(where, many=True)])
    assert await found(module_records, "Patient?identifier=urn:mrn|d1") == []


async def test_too_many_matches_of_a_deletion_are_refused_whole(module_records: Records, monkeypatch: pytest.MonkeyPatch):
    from xinglin.store import writing

    monkeypatch.setattr(writing, "DELETED_AT_ONCE_MAX", 3)
    await module_records.write([Create(numbered("d2")) for _ in range(4)])
    with pytest.raises(Stale):
        await module_records.write([DeleteWhere(asked("Patient?identifier=urn:mrn|d2"), many=True)])
    assert len(await found(module_records, "Patient?identifier=urn:mrn|d2")) == 4


async def test_in_a_set_deletions_count_before_conditions(module_records: Records):
    await module_records.write([Update(numbered("n1"), "p-n1")])
    where = asked("Patient?identifier=urn:mrn|n1")
    made, gone = await module_records.write([Create(numbered("n1"), if_none_exist=where), Delete("Patient", "p-n1")])
    assert (made.status, gone.status) == ("created", "deleted")


async def test_the_audit_rows_of_a_write_are_written_with_it(module_store: Store, module_records: Records):
    before = await rows_of(module_store)
    await module_records.write([Create(patient())], [AUDIT])
    await module_records.write([Create(patient(), if_none_exist=asked("Patient?identifier=urn:mrn|audited"))], [AUDIT])
    after = await rows_of(module_store)
    assert after["audit"] == before["audit"] + 2


async def test_texts_no_database_can_hold_do_not_stop_the_audit_trail(module_store: Store, module_records: Records):
    before = await rows_of(module_store)
    for odd in ("a\x00b", "a\ud800b"):
        row = AuditRow("d-1", "doctor", "read", "Patient", odd, odd, 404, odd, odd)
        module_store.note(row)
        await module_records.write([Create(patient())], [row])
    module_store.note(AUDIT)
    await module_store.trail.flush()
    assert (await rows_of(module_store))["audit"] == before["audit"] + 5
