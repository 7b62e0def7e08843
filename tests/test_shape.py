"""The shape of the house (ARCHITECTURE.md): what grows without end is stopped here, and what is written is checked against the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xinglin.doors.cli.program import application
from xinglin.doors.cli.reference import commands_page, roles_page, settings_page

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "xinglin"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
GENERATED = HOUSE / "fhir" / "r4"
DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "service", "services", "misc", "lib", "core", "shared"}
CAPABILITY_FILES = {"__init__", "capability", "pages", "operations", "jobs", "actions", "queries", "rules", "model", "demo"}
CAPABILITY_FOLDERS = {"templates", "forms", "profiles", "views", "locale", "static"}
NOT_MIRRORED = {"journeys", "clients", "data", "input"}


def sources(folder: Path = HOUSE) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*.py")) if not file.is_relative_to(GENERATED))


def capabilities() -> list[Path]:
    return sorted(folder for folder in (HOUSE / "capabilities").iterdir() if folder.is_dir() and folder.name != "__pycache__")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_longer_than_anyone_reads() -> None:
    lengths = {named(file): len(file.read_text(encoding="utf-8").splitlines()) for file in (*sources(), *sources(ROOT / "tests"))}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_every_function_fits_on_a_screen() -> None:
    long = {}
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    long[f"{named(file)}: {node.name}"] = length
    assert long == {}


def test_nothing_is_put_into_a_drawer() -> None:
    drawers = [
        named(path) for path in HOUSE.rglob("*") if path.stem in DRAWERS and (path.suffix == ".py" or (path / "__init__.py").exists())
    ]
    assert drawers == []


def test_every_folder_of_code_is_a_package_that_says_what_it_is() -> None:
    silent = [
        named(folder) for folder in {file.parent for file in sources()} if not (folder / "__init__.py").exists() or not _docstring(folder)
    ]
    assert sorted(silent) == []


def _docstring(folder: Path) -> str | None:
    return ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("capability", capabilities(), ids=lambda folder: folder.name)
def test_a_capability_has_its_table_of_contents_and_only_the_named_files(capability: Path) -> None:
    assert (capability / "__init__.py").exists()
    assert (capability / "capability.py").exists()
    files = {file.stem for file in capability.glob("*.py")}
    folders = {folder.name for folder in capability.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert files <= CAPABILITY_FILES
    assert folders <= CAPABILITY_FOLDERS


@pytest.mark.parametrize("capability", capabilities(), ids=lambda folder: folder.name)
def test_a_capability_knows_another_only_by_its_face(capability: Path) -> None:
    reaches = [
        f"{named(file)}: {module}" for file in sources(capability) for module in imported(file) if _reaches_inside(module, capability.name)
    ]
    assert reaches == []


def test_no_floor_or_door_names_a_single_capability() -> None:
    names = [f"xinglin.capabilities.{folder.name}" for folder in capabilities()]
    outside = [file for file in sources() if not file.is_relative_to(HOUSE / "capabilities")]
    assert [named(file) for file in outside if any(module.startswith(name) for module in imported(file) for name in names)] == []


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _reaches_inside(module: str, own: str) -> bool:
    parts = module.split(".")
    if parts[:2] != ["xinglin", "capabilities"] or len(parts) < 4 or parts[2] == own:
        return False
    return (HOUSE / "capabilities" / parts[2] / f"{parts[3]}.py").exists()


def test_tests_stand_where_their_code_stands() -> None:
    folders = {
        folder.relative_to(ROOT / "tests") for folder in (ROOT / "tests").rglob("*") if folder.is_dir() and any(folder.glob("test_*.py"))
    }
    assert sorted(str(folder) for folder in folders if folder.parts[0] not in NOT_MIRRORED and not (HOUSE / folder).is_dir()) == []


@pytest.mark.parametrize("name", ["requirements/requirements.lock", "requirements/dev.lock", "package-lock.json"])
def test_a_lock_file_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert [line for line in text.splitlines() if "://" in line and '"url":' not in line] == []


@pytest.mark.parametrize(
    ("name", "page"), [("settings.md", settings_page), ("roles.md", roles_page), ("commands.md", lambda: commands_page(application))]
)
def test_the_reference_says_what_the_program_says(name: str, page: Callable[[], str]) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == page(), "run make reference"


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", documents(), ids=named)
def test_every_link_of_the_documentation_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_shows_the_two_commands(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "make up" in text
    assert "make test" in text
