"""Notices reach whom they are for, once, and are read by one without being read for the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from xinglin.access.actor import Actor
from xinglin.kit.i18n import Catalogue, t
from xinglin.kit.notices import Notice, listed, mark_read, notices_of, notify, recipients, unread
from xinglin.store import Store
from xinglin.store.papers import Papers

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
def papers(module_store: Store) -> Papers[Notice]:
    return notices_of(module_store)


def _someone(name: str, role: str = "doctor") -> Actor:
    return Actor(name, role, name, person=f"Practitioner/{name}", units=(f"Organization/of-{name}",))


async def test_a_notice_finds_someone_by_account_role_person_and_institution_and_nobody_else(papers: Papers[Notice]) -> None:
    li = _someone("li", "nurse")
    for to in ("li", "role:nurse", "Practitioner/li", "Organization/of-li"):
        await notify(papers, to, f"for {to}", "/inbox", NOW, "test")
    assert {str(one.title.text) for one in await listed(papers, li, NOW)} == {f"for {to}" for to in recipients(li)}
    assert await unread(papers, li, NOW) == 4
    assert await unread(papers, _someone("zhao", "doctor"), NOW) == 0


async def test_the_newest_stands_first_and_a_month_later_all_are_gone(papers: Papers[Notice]) -> None:
    wang = _someone("wang", "pharmacist")
    for days in (29, 0, 3):
        await notify(papers, "wang", f"{days} days ago", "", NOW - timedelta(days=days), "test")
    assert [one.title.text for one in await listed(papers, wang, NOW)] == ["0 days ago", "3 days ago", "29 days ago"]
    assert [one.title.text for one in await listed(papers, wang, NOW + timedelta(days=28))] == ["0 days ago"]
    assert await listed(papers, wang, NOW + timedelta(days=31)) == []


async def test_what_one_of_many_has_read_the_others_have_not(papers: Papers[Notice]) -> None:
    await notify(papers, "role:regulator", t("Resident"), "/inbox", NOW, "test")
    one, other = _someone("one", "regulator"), _someone("other", "regulator")
    (notice,) = await listed(papers, one, NOW)
    await mark_read(papers, one, [notice.key], NOW)
    assert (await unread(papers, one, NOW), await unread(papers, other, NOW)) == (0, 1)
    assert [told.read for told in await listed(papers, one, NOW)] == [True]


async def test_nobody_reads_a_notice_for_someone_else(papers: Papers[Notice]) -> None:
    await notify(papers, "sun", "for sun", "", NOW, "test", key="of-sun")
    await mark_read(papers, _someone("stranger"), ["of-sun"], NOW)
    assert await unread(papers, _someone("sun"), NOW) == 1


async def test_what_a_repeated_reaction_tells_twice_is_told_once(papers: Papers[Notice]) -> None:
    for _ in range(2):
        await notify(papers, "qian", "once", "", NOW, "test", key="break-glass 7")
    assert await unread(papers, _someone("qian"), NOW) == 1


async def test_a_notice_is_said_in_its_readers_language_with_a_phrase_within_a_phrase(papers: Papers[Notice]) -> None:
    await notify(papers, "zhou", t("Allergy: {what}", what=t("Resident")), "", NOW, "test", text=t("{count} rows", count=3))
    (notice,) = await listed(papers, _someone("zhou"), NOW)
    chinese = Catalogue("zh-CN", {"Allergy: {what}": "过敏：{what}", "Resident": "居民", "{count} rows": "{count} 行"})
    assert (chinese.say(notice.title), chinese.say(notice.text)) == ("过敏：居民", "3 行")
    assert Catalogue("en", {}).say(notice.title) == "Allergy: Resident"


async def test_a_persons_own_words_are_never_taken_for_places(papers: Papers[Notice]) -> None:
    await notify(papers, "wu", "{0} {x}", "", NOW, "test", text="{y}")
    (notice,) = await listed(papers, _someone("wu"), NOW)
    assert Catalogue("en", {}).say(notice.title) == "{0} {x}"
