"""Whose session a request is: found once, before any page looks, and kept in the request's scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from xinglin.access.accounts import Live
from xinglin.access.actor import Actor
from xinglin.access.pace import Pace
from xinglin.base.errors import TooMany, Unauthenticated, XinglinError
from xinglin.doors.web.gate import Gate

SESSION = "xinglin_session"
SAFE_SESSION = "__Host-" + SESSION
"""The cookie's name over https: browsers take it only as Secure, from this very host, for every path."""
UNTOUCHED = ("/signals",)
"""Asked by a clock, not by a person: they do not keep a session awake."""
_LIVE = "xinglin.live"


class Recognition:
    """ASGI middleware: puts the session (a `Live`), or the error that says why there is none, into the scope.

    `pace`: who asks too often is answered by `refuse`.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        now: Callable[[], datetime],
        pace: Pace,
        refuse: Callable[[HttpRequest, Exception], Awaitable[Response]],
    ) -> None:
        self.app, self._gate, self._now, self._pace, self._refuse = app, gate, now, pace, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with its session."""
        if scope["type"] == "http" and not scope["path"].startswith("/static/"):
            secret, touch = secret_of(self._gate, HttpRequest(scope)), scope["path"] not in UNTOUCHED
            try:
                scope[_LIVE] = await self._gate.entrance.sessions.find(secret, self._now(), touch=touch)
            except XinglinError as none:
                scope[_LIVE] = none
            try:
                self._count(scope)
            except TooMany as often:
                await (await self._refuse(HttpRequest(scope), often))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _count(self, scope: Scope) -> None:
        """One more request of this account, or of this address. Raises `TooMany`."""
        live, moment_s = scope[_LIVE], self._now().timestamp()
        if isinstance(live, Live):
            self._pace.of_name(live.session.account or live.id, moment_s)
        else:
            self._pace.of_address(scope["client"][0] if scope.get("client") else None, moment_s)


def live_of(http: HttpRequest) -> Live:
    """The session of a request, whatever it still waits for. Raises `Unauthenticated`, `Unavailable`."""
    found: Any = http.scope.get(_LIVE)
    if isinstance(found, Live):
        return found
    raise found if isinstance(found, XinglinError) else Unauthenticated("Please sign in to continue.")


def known_live(http: HttpRequest) -> Live | None:
    """The session of a request, if there is one."""
    found = http.scope.get(_LIVE)
    return found if isinstance(found, Live) else None


def actor_of(http: HttpRequest) -> Actor:
    """Whom the open session of a request stands for. Raises `Unauthenticated`, also while a sign-in is not finished."""
    live = live_of(http)
    if live.session.stage != "open":
        raise Unauthenticated("Please sign in to continue.")
    return live.session.actor(live.id)


def secret_of(gate: Gate, http: HttpRequest) -> str:
    """The secret in the request's cookie, "" without one."""
    return http.cookies.get(SAFE_SESSION if is_safe(gate, http) else SESSION, "")


def is_safe(gate: Gate, http: HttpRequest) -> bool:
    """Whether people reach us by https."""
    return http.url.scheme == "https" or gate.public_url.startswith("https://")
