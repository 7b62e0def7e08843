"""How much one process takes on at once: more requests are a 503, more writes a 429, both at once and with Retry-After."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xinglin.base.errors import TooMany, Unavailable

RETRY_AFTER_S = 2


class Admission:
    """Counts what is under way. Nobody waits here: a client that is turned away knows when to come back."""

    __slots__ = ("_requests", "_requests_max", "_writes", "_writes_max")

    def __init__(self, requests_max: int, writes_max: int) -> None:
        self._requests_max, self._writes_max = requests_max, writes_max
        self._requests = self._writes = 0

    def enter(self) -> None:
        """Take a place; every `enter` is followed by a `leave`. Raises `Unavailable`, and then no place was taken."""
        if self._requests >= self._requests_max:
            raise Unavailable("The server is busy: try again shortly.", retry_after_s=RETRY_AFTER_S)
        self._requests += 1

    def leave(self) -> None:
        """Give the place back."""
        self._requests -= 1

    @contextmanager
    def write(self) -> Iterator[None]:
        """A place among the writes; raises `TooMany`."""
        if self._writes >= self._writes_max:
            raise TooMany("Too many writes at once: try again shortly.", retry_after_s=RETRY_AFTER_S)
        self._writes += 1
        try:
            yield
        finally:
            self._writes -= 1
