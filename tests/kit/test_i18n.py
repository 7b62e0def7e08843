"""Two languages from one source: nothing is left unsaid in Chinese, nothing is kept that nobody says."""

from __future__ import annotations

import re
import string

from tests.kit.phrases import folders, phrases
from xinglin.kit.i18n import LANGUAGES, Catalogue, in_language, read_catalogues, t

CATALOGUES = read_catalogues(folders())


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_phrase_a_page_can_say_is_in_every_catalogue() -> None:
    said = phrases()
    assert len(said) > 150
    for language in LANGUAGES:
        assert {text: str(file) for text, file in said.items() if not CATALOGUES[language].has(text)} == {}


def test_no_catalogue_keeps_what_nobody_says() -> None:
    assert set(CATALOGUES["zh-CN"].words) - set(phrases(all_errors=True)) == set()


def test_a_translation_has_the_places_of_its_source_and_is_chinese() -> None:
    for source, chinese in CATALOGUES["zh-CN"].words.items():
        assert _places(chinese) == _places(source), source
        assert re.search(r"[\u4e00-\u9fff]", chinese), source


def test_a_phrase_within_a_phrase_is_said_in_the_same_language() -> None:
    zh = Catalogue("zh-CN", {"Allergy: {what}": "过敏：{what}", "Cancer": "肿瘤"})
    assert zh.say(t("Allergy: {what}", what=t("Cancer"))) == "过敏：肿瘤"
    assert Catalogue("en", {}).say(t("Allergy: {what}", what=t("Cancer"))) == "Allergy: Cancer"


def test_text_of_a_person_is_never_taken_for_a_place() -> None:
    assert CATALOGUES["en"].say("No resident found for \u201c{typed}\u201d", typed="{0} {x}") == "No resident found for \u201c{0} {x}\u201d"


def test_the_name_in_the_readers_language_is_chosen_and_any_name_is_better_than_none() -> None:
    assert in_language("zh-CN", ("Glucose", "血糖")) == "血糖"
    assert in_language("en", ("血糖", "Glucose")) == "Glucose"
    assert in_language("zh-CN", ("Glucose",)) == "Glucose"
    assert in_language("en", ()) == ""
