"""Many HTTP requests, a few at once, each thread on a connection it keeps."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from tests.served import Served

REQUEST_S_MAX = 120
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    location: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """A line to the FHIR door of a running platform, as an administrator."""

    platform: Served
    at_once: int = 4
    bearer: str = field(init=False)
    _mine: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bearer", self.platform.bearer())

    def __call__(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """One request; `path` below the base, or a whole address. A lost connection is raised, and opened again by the next."""
        base = urlsplit(self.platform.base)
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = http.client.HTTPConnection(base.netloc, timeout=REQUEST_S_MAX)
        headers = {"Authorization": self.bearer, "Content-Type": "application/fhir+json"}
        url = urlsplit(path).path if path.startswith(self.platform.base) else f"{base.path}/{path}"
        try:
            connection.request(method, url.rstrip("/"), body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Location", ""), response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            del self._mine.connection
            raise

    def each(self, ask: Callable[[T], R], of: Iterable[T]) -> list[R]:
        """Ask of each, a few at once; the answers in their order."""
        with ThreadPoolExecutor(self.at_once) as pool:
            return list(pool.map(ask, of))
