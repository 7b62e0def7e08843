"""What processes say on standard error: a line for each event; of a fault its class and place, not its values: those may be people's."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import cast

from xinglin.base.errors import nameless

_SHORT = 400
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Discreet(logging.Formatter):
    """Messages on one line, without control characters; faults as their classes and places, from the first cause on."""

    def format(self, record: logging.LogRecord) -> str:
        """The event's line, and the lines of its fault, each indented."""
        record.exc_text = None
        line = f"{record.levelname}: {record.name}: {one_line(record.getMessage())}"
        fault = record.exc_info[1] if record.exc_info else None
        return line if fault is None else f"{line}\n{told(fault)}"

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the library's name
        """A fault's classes and places."""
        return told(ei[1]) if ei[1] is not None else ""


def one_line(text: str) -> str:
    """A text that cannot pass for another event: no ends of lines, nothing a terminal obeys."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text[:_SHORT])
    return clean + (" …" if len(text) > _SHORT else "")


def told(fault: BaseException) -> str:
    """Where a fault happened and of which class, without its message; what caused it stands first."""
    lines: list[str] = []
    seen: set[int] = set()
    chain: list[BaseException] = []
    at: BaseException | None = fault
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        chain.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    for one in reversed(chain):
        lines += [f"    {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(one.__traceback__)]
        lines.append(f"  {nameless(one)}")
        if isinstance(one, BaseExceptionGroup):
            lines += [told(inner) for inner in cast(BaseExceptionGroup[BaseException], one).exceptions]
    return "\n".join(lines)


def begin(level: str) -> None:
    """Have this process's log speak so: ours from `level` on, others' from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("xinglin").setLevel(level.upper())
