"""How texts are compared: without case, accents and full width, Chinese characters kept as they are."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

KEPT_LENGTH_MAX = 80
"""Longer texts are folded anew each time: a memory of narratives would be large and of no use."""


def normal(text: str) -> str:
    """Folded for comparison: NFKD, no combining marks, no case, one space between words.

    Full-width letters become half-width, Hangul and kana are put together again, so that only marks upon letters are lost.
    """
    return _short(text) if len(text) <= KEPT_LENGTH_MAX else _folded(text)


def _folded(text: str) -> str:
    if text.isascii():
        folded = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text)
        plain = "".join(sign for sign in apart if not unicodedata.combining(sign) or sign in _KANA_MARKS)
        folded = unicodedata.normalize("NFC", plain.casefold())
    return " ".join(folded.split())


_short = lru_cache(maxsize=16_384)(_folded)


def words(text: str) -> tuple[str, ...]:
    """The words of a text, folded; a run of Chinese characters is one word."""
    return tuple("".join(sign if sign.isalnum() else " " for sign in normal(text)).split())


_KANA_MARKS = "\u3099\u309a"
"""Voicing marks of kana: they tell apart letters, they are no accents."""
