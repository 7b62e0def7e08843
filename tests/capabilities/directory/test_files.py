"""A file brought in is seen before it is written, says why of each row it refuses, and loses nothing; a file taken comes back unchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from xinglin.base.errors import Forbidden, NotFound
from xinglin.base.national_ids import make_credit_code, make_organisation_code
from xinglin.capabilities.directory import actions, pages, queries
from xinglin.capabilities.directory.model import tables
from xinglin.kit.pages import Download, Moved, Request, Shown, Upload
from xinglin.kit.unit import Unit

Ask = Callable[..., Request]


def code(n: int) -> str:
    return make_credit_code("1", "2", "580123", make_organisation_code(f"5877{n:04d}"))


def sheet(*rows: tuple[str, ...]) -> Upload:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return Upload("机构.csv", text.getvalue().encode("gb18030"))


async def sent(unit: Unit, ask: Ask, table: str, file: Upload) -> str:
    moved = await pages.send_import(unit, ask(form={"table": table}, file=file))
    assert isinstance(moved, Moved), moved
    return moved.to.rpartition("/")[2]


async def previewed(unit: Unit, ask: Ask, key: str) -> actions.Preview:
    shown = await pages.show_preview(unit, ask({"key": key}))
    seen = shown.values["seen"]
    assert isinstance(seen, actions.Preview)
    return seen


def whats(seen: actions.Preview) -> list[str]:
    return [row.what for row in seen.rows]


def made(file: Download) -> bytes:
    return file.content if isinstance(file.content, bytes) else file.content(lambda phrase: phrase.text)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("table", ["institution", "department", "staff", "licence", "position", "equipment"])
async def test_every_list_that_is_taken_and_brought_back_changes_nothing(
    unit: Unit, ask: Ask, table: str, language: str, form: str
) -> None:
    taken = await pages.export(unit, ask({"table": table}, language=language, format=form))
    assert taken.name.endswith(form)
    seen = await previewed(unit, ask, await sent(unit, ask, table, Upload(taken.name, made(taken))))
    assert len(seen.rows) >= 80
    assert {row.what for row in seen.rows} == {"unchanged"}
    assert seen.headings.unknown == ()


async def test_a_row_is_new_changed_unchanged_or_refused_and_each_refusal_says_which_field_and_why(unit: Unit, ask: Ask) -> None:
    rows = await queries.rows_of(unit, "institution")
    hospital = next(row for row in rows if row["name"] == "杏溪县人民医院")
    file = sheet(
        ("机构代码", "名称", "机构种类", "上级机构代码", "电话"),
        (code(1), "新建诊所", "门诊部、诊所", hospital["parent"], "0620-7000001"),
        (hospital["code"], "杏溪县人民医院", "hospital", hospital["parent"], "0620-7000002"),
        (hospital["parent"], "杏溪县卫生健康局", "Health commission", "", ""),
        (code(2)[:-1] + "0" if code(2)[-1] != "0" else code(2)[:-1] + "1", "错码诊所", "clinic", "", ""),
        (code(3), "无上级诊所", "clinic", code(99), "12"),
        (code(1), "又一家", "clinic", "", ""),
        (code(4), "", "宫殿", "", ""),
    )  # fmt: skip
    seen = await previewed(unit, ask, await sent(unit, ask, "institution", file))
    assert whats(seen) == ["new", "changed", "changed", "refused", "refused", "refused", "refused"]
    assert [(c.column.key, c.after) for c in seen.rows[1].changes] == [("phone", "0620-7000002")]
    assert {c.column.key for c in seen.rows[2].changes} == {"parent", "phone"}
    assert [(f.column, f.why.text) for f in seen.rows[3].faults] == [
        ("code", "The check character of the unified social credit code is wrong; a character was mistyped.")
    ]
    assert [f.column for f in seen.rows[4].faults] == ["phone"]
    assert seen.rows[5].faults[0].why.text == "Row {row} is about the same."
    assert [f.column for f in seen.rows[6].faults] == ["name", "kind"]


async def test_what_was_confirmed_is_written_once_and_the_rest_can_be_taken_back_with_reasons(unit: Unit, ask: Ask) -> None:
    file = sheet(
        ("机构代码", "名称", "机构种类", "上级机构代码", "备注"),
        (code(11), "东街诊所", "clinic", code(10), "a"),
        (code(10), "东街医院", "hospital", "", "b"),
        ("乱", "=1+1", "clinic", "", "c"),
    )
    key = await sent(unit, ask, "institution", file)
    seen = await previewed(unit, ask, key)
    assert whats(seen) == ["new", "new", "refused"], "the first row belongs to the second"
    assert seen.headings.unknown == ("备注",)
    taken = await pages.reasons(unit, ask({"key": key}, format="csv", only="refused"))
    lines = list(csv.reader(io.StringIO(made(taken).decode("utf-8-sig"))))
    assert lines[0] == ["机构代码", "名称", "机构种类", "上级机构代码", "备注", "原因"]
    assert lines[1][:2] == ["乱", "'=1+1"]
    assert lines[1][5].startswith("机构代码: ")
    for _ in range(2):
        moved = await pages.confirm_import(unit, ask({"key": key}, form={"mark": seen.mark}))
        assert isinstance(moved, Moved)
    receipt = await pages.show_preview(unit, ask({"key": key}))
    assert receipt.template == "directory/receipt.html"
    waiting = receipt.values["waiting"]
    assert isinstance(waiting, actions.Waiting)
    assert waiting.counts == {"new": 2, "changed": 0, "unchanged": 0, "refused": 1}
    tree = await queries.institutions(unit)
    by_name = {one.name: one for one in tree.values()}
    assert by_name["东街诊所"].parent == by_name["东街医院"].id
    assert (await unit.store.read("Organization", by_name["东街诊所"].id)).version == 1


async def test_what_has_changed_since_the_preview_is_looked_at_again(unit: Unit, ask: Ask) -> None:
    file = sheet(("机构代码", "名称", "机构种类"), (code(21), "西街诊所", "clinic"))
    first, second = await sent(unit, ask, "institution", file), await sent(unit, ask, "institution", file)
    mark = (await previewed(unit, ask, second)).mark
    await pages.confirm_import(unit, ask({"key": first}, form={"mark": mark}))
    again = await pages.confirm_import(unit, ask({"key": second}, form={"mark": mark}))
    assert isinstance(again, Shown)
    assert again.status == 409
    assert whats(await previewed(unit, ask, second)) == ["unchanged"]


async def test_a_file_that_cannot_be_read_is_answered_in_words_and_one_without_a_needed_column_writes_nothing(unit: Unit, ask: Ask) -> None:
    for content in (b"\xd0\xcf\x11\xe0old", b"PK\x03\x04broken", b"\x00\x01\x02", b""):
        shown = await pages.send_import(unit, ask(form={"table": "staff"}, file=Upload("x", content)))
        assert isinstance(shown, Shown)
        assert shown.status in (400, 422)
        assert shown.values["why"]
    key = await sent(unit, ask, "staff", sheet(("姓名",), ("张三",)))
    seen = await previewed(unit, ask, key)
    assert [column.key for column in seen.headings.missing] == ["number"]
    assert seen.resources == ()


async def test_a_file_belongs_to_who_sent_it(as_role: Callable[..., Unit], ask: Ask) -> None:
    mine, theirs = as_role("system_admin", "7"), as_role("system_admin", "8")
    key = await sent(mine, ask, "staff", sheet(("身份证号", "姓名"), ("x", "y")))
    with pytest.raises(NotFound):
        await pages.show_preview(theirs, ask({"key": key}))


async def test_who_may_not_change_the_directory_brings_in_nothing_and_takes_no_whole_number(as_role: Callable[..., Unit], ask: Ask) -> None:
    doctor = as_role("doctor")
    with pytest.raises(Forbidden):
        await pages.send_import(doctor, ask(form={"table": "staff"}, file=sheet(("身份证号", "姓名"), ("x", "y"))))
    taken = made(await pages.export(doctor, ask({"table": "staff"}, format="csv"))).decode()
    numbers = [row["number"] for row in await queries.rows_of(as_role("system_admin"), "staff")]
    assert len(numbers) > 400
    assert not [number for number in numbers if number in taken]


async def test_the_template_has_the_headings_that_are_filled_in(unit: Unit, ask: Ask) -> None:
    taken = made(await pages.template(unit, ask({"table": "licence"}, format="csv"))).decode("utf-8-sig")
    assert taken.strip().split(",") == [column.title[1] for column in tables()["licence"].asked]
