"""What the commands tell the person at the terminal: one line a step, with the time it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def step(says: str) -> Generator[None]:
    """Show a step while it runs and its seconds when it is done; nothing is redrawn unless a person watches."""
    watched = sys.stdout.isatty()
    began = time.monotonic()
    if watched:
        print(f"  · {says} …", end="", flush=True)
    yield
    back = "\r" if watched else ""
    print(f"{back}  ✓ {says} ({time.monotonic() - began:.1f} s)", flush=True)


class Progress:
    """A count that rises: redrawn in place for a person, every tenth part otherwise."""

    def __init__(self, says: str, total: int) -> None:
        self._says, self._total = says, max(total, 1)
        self._watched = sys.stdout.isatty()
        self._shown = -1
        self._began = time.monotonic()

    def show(self, done: int, extra: str = "") -> None:
        """`done` of the total, with a word more."""
        percent = done * 100 // self._total
        if percent == self._shown or (not self._watched and percent // 10 == self._shown // 10 and done < self._total):
            return
        self._shown = percent
        text = f"  {'✓' if done >= self._total else '·'} {self._says}: {percent} % {extra} ({time.monotonic() - self._began:.0f} s)"
        print(f"\r{text:<78}" if self._watched else text, end="\n" if done >= self._total or not self._watched else "", flush=True)


class Counter:
    """A count with no known end: redrawn in place for a person, every few seconds otherwise."""

    def __init__(self, says: str, unit: str) -> None:
        self._says, self._unit = says, unit
        self._watched = sys.stdout.isatty()
        self._count = 0
        self._began = self._told = time.monotonic()

    def add(self, count: int) -> None:
        """So many more."""
        self._count += count
        now = time.monotonic()
        if now - self._told >= (0.2 if self._watched else 10):
            self._told = now
            self._tell("·", now)

    def finish(self) -> None:
        """The last of it."""
        self._tell("✓", time.monotonic())
        if self._watched:
            print()

    def _tell(self, mark: str, now: float) -> None:
        text = f"  {mark} {self._says}: {self._count:,} {self._unit} ({now - self._began:.0f} s)"
        print(f"\r{text:<78}" if self._watched else text, end="" if self._watched else "\n", flush=True)


def say(text: str = "") -> None:
    """One line to the person."""
    print(text, flush=True)
