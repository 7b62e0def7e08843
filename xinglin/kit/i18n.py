"""Two languages from one source: the English text in the code is the key, a catalogue holds the other language.

Code says `t("Residents")` and gets a `Phrase`, which knows no language; the page that shows it does. Templates call the
`t` of their environment, which answers text at once. A test fails when a phrase is not in the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xinglin.fhir.codec import decode

SOURCE = "en"
LANGUAGES: Mapping[str, str] = {"zh-CN": "中文", "en": "English"}
"""Language tag -> its own name, in the order the switch shows them."""

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """An English sentence with named places, not yet in anyone's language. A place may hold another phrase."""

    text: str
    places: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language: English source -> translation. The source language needs none."""

    language: str
    words: Mapping[str, str]

    def say(self, phrase: str | Phrase, /, **places: object) -> str:
        """The phrase in this language, its places filled; English where the catalogue has no entry."""
        if isinstance(phrase, Phrase):
            return self.say(phrase.text, **dict(phrase.places) | places)
        text = self.words.get(phrase, phrase)
        said = {name: self.say(value) if isinstance(value, Phrase) else value for name, value in places.items()}
        return text.format(**said) if said else text

    def has(self, text: str) -> bool:
        """Whether this language can say it."""
        return self.language == SOURCE or text in self.words


def t(text: str, /, **places: object) -> Phrase:
    """Marks an English sentence for translation."""
    return Phrase(text, tuple(places.items()))


def read_catalogues(folders: Iterable[Path]) -> Mapping[str, Catalogue]:
    """Language -> catalogue, gathered from the `locale/` of each folder (`zh_CN.json`: {English: translation})."""
    files = tuple(folders)
    return {language: Catalogue(language, _words(language, files)) for language in LANGUAGES}


def _words(language: str, folders: tuple[Path, ...]) -> Mapping[str, str]:
    gathered: dict[str, str] = {}
    for folder in folders:
        file = folder / "locale" / f"{language.replace('-', '_')}.json"
        if file.exists():
            gathered |= decode(file.read_bytes())
    return gathered


def is_chinese(text: str) -> bool:
    """Whether a text holds at least one Chinese character."""
    return _HAN.search(text) is not None


def in_language(language: str, texts: Iterable[str]) -> str:
    """The first of several ways to say one thing that suits the language; the first of all when none does; "" for none."""
    said = tuple(text for text in texts if text)
    wants_chinese = language.startswith("zh")
    return next((text for text in said if is_chinese(text) == wants_chinese), said[0] if said else "")
