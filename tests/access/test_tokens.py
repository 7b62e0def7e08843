"""A token proves who asks for as long as it lasts, and nothing that was changed or made elsewhere passes."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from xinglin.access.actor import Actor
from xinglin.access.tokens import issue, verify
from xinglin.base.crypto import Keys
from xinglin.base.errors import Malformed, Unauthenticated

KEYS = Keys({1: bytes(16)}, 1, bytes(32), b"t" * 32)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_token_stands_for_the_actor_it_was_issued_to() -> None:
    token = issue(KEYS, "doctor", "Practitioner/7", 60, name="李梅", now=NOON)
    assert verify(KEYS, token, NOON + timedelta(seconds=59)) == Actor("Practitioner/7", "doctor", "李梅")


def test_a_token_ends_with_its_time() -> None:
    token = issue(KEYS, "doctor", "Practitioner/7", 60, now=NOON)
    with pytest.raises(Unauthenticated, match="expired"):
        verify(KEYS, token, NOON + timedelta(seconds=60))


def test_a_token_of_another_installation_is_refused() -> None:
    others = Keys(KEYS.data, 1, KEYS.index, secrets.token_bytes(32))
    with pytest.raises(Unauthenticated):
        verify(KEYS, issue(others, "system", "x", now=NOON), NOON)


def test_no_changed_letter_passes() -> None:
    token = issue(KEYS, "reader", "x", now=NOON)
    for place, letter in enumerate(token[:-1]):  # the last letter carries two bits that mean nothing
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthenticated):
            verify(KEYS, changed, NOON)


@given(some.text(max_size=80))
def test_no_other_text_passes(text: str) -> None:
    for token in (text, "xinglin1." + text, f"xinglin1.{text}.{text}"):
        with pytest.raises(Unauthenticated):
            verify(KEYS, token, NOON)


def test_a_role_that_does_not_exist_gets_no_token() -> None:
    with pytest.raises(Malformed, match="doctor"):
        issue(KEYS, "surgeon-general", "x")


def test_two_tokens_for_one_person_differ() -> None:
    assert issue(KEYS, "reader", "x", now=NOON) != issue(KEYS, "reader", "x", now=NOON)
