"""A log says what happened and where, and names nobody: no value of a fault, and no event that a client made up."""

from __future__ import annotations

import io
import logging

from xinglin.base.errors import Malformed, NotFound, nameless
from xinglin.base.logs import Discreet, one_line

NAME, NUMBER = "张桂兰", "580123195906181224"


def logged(fault: BaseException | None, message: str, *values: object) -> str:
    """What a handler writes of one event."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Discreet())
    record = logging.LogRecord(
        "xinglin.test", logging.ERROR, "f", 1, message, values, (type(fault), fault, fault.__traceback__) if fault else None
    )
    handler.handle(record)
    return out.getvalue()


def test_a_fault_is_told_by_class_and_place_from_its_first_cause_on_and_without_values() -> None:
    try:
        try:
            raise KeyError(NAME)
        except KeyError as first:
            raise ValueError(f"{NUMBER} is no number") from first
    except ValueError as fault:
        text = logged(fault, "request %s failed", "r-1")
    assert NAME not in text
    assert NUMBER not in text
    assert text.index("KeyError") < text.index("ValueError")
    assert "test_logs.py:" in text
    assert text.startswith("ERROR: xinglin.test: request r-1 failed\n")


def test_a_group_of_faults_is_told_one_by_one() -> None:
    text = logged(ExceptionGroup(NAME, [KeyError(NUMBER), Malformed("No {what}.", what=NAME)]), "failed")
    assert "KeyError" in text
    assert "Malformed: No {what}." in text
    assert NAME not in text
    assert NUMBER not in text


def test_one_event_cannot_pass_for_two_nor_command_a_terminal() -> None:
    text = logged(None, "signed in: %s", "x\r\nERROR: xinglin.access: the door is open\x1b[2J\u2028\u202eb")
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\u2028" not in text
    assert "\u202e" not in text
    assert len(one_line("a" * 10_000)) < 500


def test_our_own_words_are_kept_with_their_places_open() -> None:
    assert nameless(NotFound("There is no patient {id}.", id=NUMBER)) == "NotFound: There is no patient {id}."
    assert nameless(KeyError(NUMBER)) == "KeyError"
