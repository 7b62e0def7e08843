"""What others wrote and we run: exactly what the lock files name, under licences that allow it, with no advisory known against it.

Advisories are asked for where a service answers; what can be known without one is always checked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
RUNTIME, DEVELOPMENT = ROOT / "requirements" / "requirements.lock", ROOT / "requirements" / "dev.lock"
NODE = json.loads((ROOT / "package-lock.json").read_text())["packages"]
ANSWER_S_MAX = 300

ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us -> why."""

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "PostgreSQL", "Zlib",
}  # fmt: skip
FORBIDDEN = re.compile(r"(?i)\b(sspl|busl|business source|affero|elastic license|commons clause|[al]?gpl|general public)")
"""Never, whatever else a licence says; the GPL and LGPL only by an exception."""
EXCEPTIONS = {
    "libreadline": "GPL-3.0: lies in the PostgreSQL wheel for its psql, a program of its own; nothing of ours is linked with it",
}
SPELLED = {
    "Apache Software License": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause", "BSD": "BSD-3-Clause", "MIT License": "MIT", "ISC License (ISCL)": "ISC", "ISC License": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
"""How packages of an older custom name their licence -> its SPDX name."""
BUNDLED = {"libecpg": "PostgreSQL", "libpgtypes": "PostgreSQL", "libpq": "PostgreSQL", "libtinfo": "MIT"}
"""Libraries that lie in the wheels -> their licence. `libtinfo` is of ncurses (X11, an MIT licence)."""
UNSAID = {"node_modules/@tabler/icons-webfont": "MIT"}
"""Front-end packages that do not say their licence -> the one their files or their repository say."""


def pins(lock: Path) -> dict[str, tuple[str, list[str]]]:
    """Name -> (version, hashes) of a lock file."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in lock.read_text().replace("\\\n", " ").splitlines():
        if pinned := re.match(r"([a-z0-9._-]+)==(\S+)", line):
            found[pinned[1]] = pinned[2], re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", line)
    return found


def plain(name: str) -> str:
    """A package's name as the index normalises it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --- what the lock files name is what runs ---


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=["runtime", "development"])
def test_every_pinned_package_has_its_hash_and_is_installed_at_its_version(lock: Path) -> None:
    found = pins(lock)
    assert len(found) == len(re.findall(r"^\S+==", lock.read_text(), re.MULTILINE)) > 50
    assert [name for name, (_, hashes) in found.items() if not hashes] == []
    assert {name: distribution(name).version for name in found} == {name: version for name, (version, _) in found.items()}


def test_the_two_lock_files_agree_and_what_runs_needs_nothing_beside_them() -> None:
    runtime, development = pins(RUNTIME), pins(DEVELOPMENT)
    assert {name: development.get(name) for name in runtime} == runtime
    wanted = [*tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]
    for name in runtime:
        wanted += distribution(name).requires or []
    needed = {plain(one.name) for one in map(Requirement, wanted) if one.marker is None or one.marker.evaluate({"extra": ""})}
    assert needed - {plain(name) for name in runtime} == set()


def test_every_front_end_package_is_the_one_of_the_lock_file() -> None:
    installed = json.loads((ROOT / "node_modules" / ".package-lock.json").read_text())["packages"]
    for place, package in NODE.items():
        if place and (place in installed or not package.get("optional")):
            assert re.fullmatch(r"sha(512|384)-\S+", package["integrity"]), place
            assert (installed[place]["version"], installed[place]["integrity"]) == (package["version"], package["integrity"])
    assert set(installed) <= set(NODE)


# --- licences ---


def licences(words: str) -> list[list[str]]:
    """A licence as alternatives, each all of what must be kept: `A OR B AND C` -> [[A], [B, C]]."""
    if words in SPELLED:
        return [[SPELLED[words]]]
    alternatives = re.split(r"\s+OR\s+", words.strip("() "))
    return [[SPELLED.get(part.strip("() "), part.strip("() ")) for part in re.split(r"\s+AND\s+", one)] for one in alternatives]


def licence_of(package: Distribution) -> str:
    """What a package says of its licence: the expression, else the classifiers, else the old field."""
    said = package.metadata
    if expression := said.get("License-Expression"):
        return expression
    classified = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if line.startswith("License :: ")]
    return " OR ".join(classified) or (said.get("License") or "")


def fault_of(words: str) -> str:
    """Why a licence will not do; empty when it will."""
    if FORBIDDEN.search(words):
        return f"forbidden: {words[:80]}"
    return "" if any(set(one) <= ALLOWED for one in licences(words)) else f"unknown: {words[:80]!r}"


def test_every_package_that_runs_has_a_licence_that_allows_it() -> None:
    faults = {name: fault for name in pins(RUNTIME) if (fault := fault_of(licence_of(distribution(name))))}
    assert faults == {}


def test_every_library_inside_a_wheel_has_a_licence_that_allows_it_or_a_reason() -> None:
    bundled = {
        re.split(r"[-.]", file.name)[0]
        for name in pins(RUNTIME)
        for file in distribution(name).files or ()
        if file.parts[0].endswith(".libs") and ".so" in file.name
    }
    assert bundled - set(EXCEPTIONS) == set(BUNDLED)
    assert set(EXCEPTIONS) <= bundled, "an exception that is needed no more"
    assert set(BUNDLED.values()) <= ALLOWED


def test_every_front_end_package_that_is_served_has_a_licence_that_allows_it() -> None:
    served = [place for place, package in NODE.items() if place and not package.get("dev")]
    assert len(served) >= 4
    said = {place: str(json.loads((ROOT / place / "package.json").read_text()).get("license", "")) for place in served}
    assert {place for place, words in said.items() if not words} == set(UNSAID)
    said |= UNSAID
    assert {place: fault for place, words in said.items() if (fault := fault_of(words))} == {}


@pytest.mark.parametrize(
    "words", ["SSPL-1.0", "BUSL-1.1", "AGPL-3.0-only", "GNU General Public License v3 (GPLv3)", "LGPL-2.1", "MIT AND GPL-2.0", "", "Own"]
)
def test_a_licence_that_does_not_allow_it_is_found(words: str) -> None:
    assert fault_of(words)


@pytest.mark.parametrize("words", ["MIT", "Apache-2.0 OR BSD-3-Clause", "MIT AND PSF-2.0", "(MIT OR Own)", "BSD License"])
def test_a_licence_that_allows_it_is_not_complained_of(words: str) -> None:
    assert fault_of(words) == ""


# --- advisories ---


def advisories_of_python(report: Mapping[str, Any]) -> Iterator[str]:
    """`name version: advisory` of a report of pip-audit; what was accepted, under any of its names, is left out."""
    for package in report["dependencies"]:
        for one in package.get("vulns", ()):
            if not {one["id"], *one.get("aliases", ())} & set(ACCEPTED):
                yield f"{package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'no version'}"


def advisories_of_node(report: Mapping[str, Any]) -> Iterator[str]:
    """`name: advisory` of a report of npm audit."""
    for name, package in report.get("vulnerabilities", {}).items():
        for one in package["via"]:
            if isinstance(one, dict) and str(one["url"]).rpartition("/")[2] not in ACCEPTED:
                yield f"{name} {one['range']}: {one['title']} {one['url']}"


def asked(*command: str) -> Mapping[str, Any] | None:
    """The report of an auditor; None when its service does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=ANSWER_S_MAX)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, FileNotFoundError, json.JSONDecodeError):
        return None
    return report if "dependencies" in report or "vulnerabilities" in report else None


def audit(lock: Path) -> Mapping[str, Any] | None:
    words = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--timeout", "10")
    return asked(sys.executable, "-m", "pip_audit", *words, "--requirement", str(lock))


def test_no_advisory_is_known_against_a_python_package(tmp_path: Path) -> None:
    one = tmp_path / "one.lock"
    one.write_text(re.split(r"\n(?=\S)", RUNTIME.read_text())[0] + "\n")
    answer = audit(one)
    if answer is not None and "version" in answer["dependencies"][0]:  # the service answers: ask of all
        answer = audit(DEVELOPMENT)
    assert list(advisories_of_python(answer or {"dependencies": []})) == []


def test_no_advisory_is_known_against_a_front_end_package() -> None:
    answer = asked("npm", "audit", "--json", "--package-lock-only")
    assert list(advisories_of_node(answer or {})) == []


def test_an_advisory_is_found_in_what_the_auditors_report(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.2"], "description": ""}
    python = {"dependencies": [{"name": "a", "version": "1.1", "vulns": [told]}, {"name": "b", "skip_reason": "not found"}]}
    assert list(advisories_of_python(python)) == ["a 1.1: PYSEC-2026-1, mended in 1.2"]
    via = {"title": "Bad", "url": "https://advisories.test/GHSA-1", "range": "<2", "severity": "high"}
    node = {"vulnerabilities": {"c": {"via": [via]}, "d": {"via": ["c"]}}}
    assert list(advisories_of_node(node)) == ["c <2: Bad https://advisories.test/GHSA-1"]
    monkeypatch.setitem(ACCEPTED, "CVE-2026-1", "a reason")
    monkeypatch.setitem(ACCEPTED, "GHSA-1", "a reason")
    assert list(advisories_of_python(python)) == list(advisories_of_node(node)) == []


def test_an_auditor_that_cannot_be_asked_is_no_finding() -> None:
    assert asked("no-such-program") is None
    assert asked(sys.executable, "-c", "print('no report')") is None
    assert asked(sys.executable, "-c", "print('{\"message\": \"405\"}')") is None
