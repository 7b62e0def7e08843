"""The JavaScript client fhir-kit-client: one session in Node, looked at step by step."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.served import Served

SCRIPT = Path(__file__).with_name("fhir_kit_client.mjs")
SESSION_S_MAX = 60

pytestmark = pytest.mark.skipif(
    not (Path(__file__).parents[2] / "node_modules" / "fhir-kit-client").exists(), reason="fhir-kit-client is not installed: npm ci"
)


@pytest.fixture(scope="module")
def said(platform: Served) -> dict[str, Any]:
    words = [platform.base, platform.token(), platform.token("reader"), uuid4().hex]
    done = subprocess.run(["node", SCRIPT, *words], capture_output=True, text=True, timeout=SESSION_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_statement_tells_what_the_platform_can(said: dict[str, Any]) -> None:
    assert said["capabilities"] == {"transaction": True, "read": True, "birthdate": True}


def test_a_create_says_where_the_patient_is_now(said: dict[str, Any], platform: Served) -> None:
    assert said["created"]["status"] == 201
    assert said["created"]["etag"] == 'W/"1"'
    assert said["created"]["location"] == f"{platform.base}/Patient/{said['read']['id']}/_history/1"


def test_each_version_of_a_patient_can_be_read(said: dict[str, Any]) -> None:
    assert [said[step]["gender"] for step in ("read", "updated", "patched", "first")] == ["female", "other", "male", "female"]
    assert [said[step]["meta"]["versionId"] for step in ("read", "updated", "patched", "first")] == ["1", "2", "3", "1"]
    assert said["history"] == ["male", "other", "female"]


def test_a_change_to_an_old_version_is_refused(said: dict[str, Any]) -> None:
    assert (said["stale"]["status"], said["stale"]["issue"]["code"]) == (412, "conflict")


def test_a_condition_finds_the_patient_who_is_there(said: dict[str, Any]) -> None:
    assert said["conditional"] == {"status": 200, "same": True}
    assert said["conditionalUpdate"] is True


def test_a_transaction_is_answered_entry_by_entry_and_its_links_hold(said: dict[str, Any]) -> None:
    assert said["transaction"] == ["201 Created"] * 8
    assert said["resolved"] is True
    assert said["compartment"] == 7
    assert said["everything"] == 8


def test_a_transaction_with_one_fault_names_it(said: dict[str, Any]) -> None:
    refused = said["brokenTransaction"]
    assert (refused["status"], refused["type"]) == (422, "OperationOutcome")
    assert refused["issue"]["expression"] == ["Bundle.entry[1].resource.gender"]


def test_a_batch_goes_on_after_a_fault(said: dict[str, Any]) -> None:
    assert said["batch"] == ["404", "200 OK"]


def test_the_pages_of_a_search_follow_each_other(said: dict[str, Any]) -> None:
    assert said["pages"] == [[1, 2, 3], [4, 5, 6], [7]]
    assert said["posted"] == [1, 2, 3]
    assert said["system"] == ["Patient"]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ("gone", 410, "deleted"),
        ("missing", 404, "not-found"),
        ("forbidden", 403, "forbidden"),
        ("unknown", 401, "login"),
        ("invalid", 422, "value"),
    ],
)
def test_an_error_reaches_the_client_as_an_outcome(said: dict[str, Any], step: str, status: int, code: str) -> None:
    refused = said[step]
    assert (refused["status"], refused["type"], refused["issue"]["code"]) == (status, "OperationOutcome", code)
