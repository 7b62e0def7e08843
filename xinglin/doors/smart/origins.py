"""Pages of other sites may ask only when an application is registered there. Source: WHATWG Fetch, CORS protocol; SMART 2.2 (CORS)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xinglin.access.oauth.model import Drawers
from xinglin.base.clock import tick_of

KNOWN_S = 5
KNOWN_MAX = 1000
ORIGIN_CHARACTERS_MAX = 300
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
TAKEN = (
    "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-Modified-Since, If-None-Exist, X-Request-Id, "
    "X-Requested-With, Cache-Control"
)
SHOWN = "Content-Location, ETag, Last-Modified, Location, Retry-After, WWW-Authenticate, X-Progress, X-Request-Id"


class Origins:
    """The origins applications are registered with, as one process knows them for a few seconds."""

    __slots__ = ("_known", "_now", "_papers")

    def __init__(self, papers: Drawers, now: Callable[[], datetime]) -> None:
        self._papers, self._now = papers, now
        self._known: dict[str, tuple[float, bool]] = {}

    async def holds(self, origin: str) -> bool:
        """Whether an application that is not disabled has its pages there."""
        now = self._now()
        seen, held = self._known.get(origin, (float("-inf"), False))
        if now.timestamp() - seen < KNOWN_S:
            return held
        found = await self._papers.applications.find(f"origin {origin}", tick_of(now), 1)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[origin] = (now.timestamp(), bool(found))
        return bool(found)


class CrossOrigin:
    """ASGI: answers preflights and marks answers for registered origins. `everyone`: paths whose public metadata any page may read."""

    def __init__(self, app: ASGIApp, origins: Origins, everyone: tuple[str, ...] = ()) -> None:
        self._app, self._origins, self._everyone = app, origins, everyone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, with the CORS headers its origin may have."""
        given = next((value for name, value in scope["headers"] if name == b"origin"), b"") if scope["type"] == "http" else b""
        origin = given.decode("latin-1")
        if not origin or len(origin) > ORIGIN_CHARACTERS_MAX:
            await self._app(scope, receive, send)
            return
        allowed = scope["path"] in self._everyone or await self._origins.holds(origin)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204 if allowed else 403, headers=_preflight(origin) if allowed else None)(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if allowed:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = SHOWN
            await send(message)

        await self._app(scope, receive, marked)


def _preflight(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": TAKEN,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
