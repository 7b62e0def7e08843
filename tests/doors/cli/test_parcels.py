"""Whatever form FHIR JSON comes in, it becomes requests that carry every resource once."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from xinglin.base.errors import Malformed
from xinglin.doors.cli.parcels import LINES_PER_PARCEL, Parcel, files_of, parcels_of, sources_of, waits

PATIENT = {"resourceType": "Patient", "id": "p1", "active": True}
NAMELESS = {"resourceType": "Observation", "status": "final"}


def parcels(*paths: Path) -> list[Parcel]:
    return [parcel for source in sources_of(files_of(paths)) for parcel in parcels_of(source, source.read())]


def requests(parcel: Parcel) -> list[tuple[str, str]]:
    return [(entry["request"]["method"], entry["request"]["url"]) for entry in json.loads(parcel.body)["entry"]]


def test_a_transaction_is_sent_as_it_is(tmp_path: Path) -> None:
    text = '{"resourceType": "Bundle",  "type": "transaction", "entry": [{"resource": {"resourceType": "Patient", "active": true}}]}'
    (tmp_path / "a.json").write_text(text)
    (parcel,) = parcels(tmp_path / "a.json")
    assert (parcel.body, parcel.resources) == (text.encode(), 1)


def test_a_resource_keeps_its_id_and_one_without_gets_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PATIENT))
    (tmp_path / "b.json").write_text(json.dumps(NAMELESS))
    first, second = parcels(tmp_path)
    assert requests(first) == [("PUT", "Patient/p1")]
    assert requests(second) == [("POST", "Observation")]


def test_decimals_pass_through_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType":"Observation","id":"o","status":"final","valueQuantity":{"value":1.50}}')
    (parcel,) = parcels(tmp_path / "a.json")
    assert b'"value":1.50' in parcel.body


def test_ndjson_is_cut_into_parts(tmp_path: Path) -> None:
    lines = [json.dumps(PATIENT | {"id": f"p{number}"}) for number in range(LINES_PER_PARCEL + 1)]
    (tmp_path / "Patient.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    assert [parcel.resources for parcel in parcels(tmp_path)] == [LINES_PER_PARCEL, 1]


def test_an_archive_is_read_file_by_file(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "region.tar.gz", "w:gz") as archive:
        for name, content in {"a/one.json": PATIENT, "a/readme.txt": "no", "two.json": NAMELESS}.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw := json.dumps(content).encode())
            archive.addfile(member, io.BytesIO(raw))
    assert [parcel.name.rpartition(":")[2] for parcel in parcels(tmp_path / "region.tar.gz")] == ["a/one.json", "two.json"]


def test_a_collection_gives_up_its_resources(tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"fullUrl": "urn:x"}]}
    (tmp_path / "a.json").write_text(json.dumps(bundle))
    (parcel,) = parcels(tmp_path)
    assert requests(parcel) == [("PUT", "Patient/p1")]


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"resourceType": 3}', b'{"id": "x"}'])
def test_what_is_not_fhir_json_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(Malformed, match=r"broken\.json"):
        parcels(tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    with pytest.raises(Malformed, match=r"scan\.pdf"):
        files_of([tmp_path / "scan.pdf"])


def test_only_references_by_search_wait() -> None:
    assert waits(b'{"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|999"}')
    assert not waits(b'{"reference": "Practitioner/7", "note": "who?"}')
