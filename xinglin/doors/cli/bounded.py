"""The HTTP protocol of an API process, with limits uvicorn's own does not have: how long a head may be, how slowly a request may come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 128 * 1024
"""Request line and header fields; the same for the trailer of a chunked body."""
Phase = Literal["head", "body", ""]
SECONDS_MAX: Mapping[str, float] = {"head": 20.0, "body": 120.0}
"""How long the head of a request, or its body, may take to come; a new connection has to say something within the first."""
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """Counts the bytes that arrive and are no body's, and the time they take. The parser keeps them until a line is complete, which may
    be never.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._phase: Phase = ""
        self._timed: Phase = ""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has come; it has so long to say what it wants."""
        super().connection_made(transport)
        self._phase = "head"
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._phase = ""
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then refuse with 431 what has gone on for too long."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()
        self._watch()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._phase = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The end of its head."""
        self._phase = "body"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body: its length is the application's concern."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._head_bytes, self._phase = 0, ""
        super().on_message_complete()

    def _watch(self) -> None:
        """One timer for what is incomplete; a request that comes in one piece needs none."""
        if self._phase == self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timed = self._phase
        self._timer = self.loop.call_later(SECONDS_MAX[self._phase], self._too_slow) if self._phase else None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            if self._phase == "head":
                self.transport.write(_TOO_SLOW)
            self.transport.close()
