"""The HTTP protocol of an API process, with the one limit uvicorn's own does not have: how long the head of a request may be."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 128 * 1024
"""Request line and header fields; the same for the trailer of a chunked body."""
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """Counts the bytes that arrive and are no body's. The parser keeps them until a line is complete, which may be never."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parse, then refuse with 431 what has gone on for too long."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        """A part of a body: its length is the application's concern."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._head_bytes = 0
        super().on_message_complete()
