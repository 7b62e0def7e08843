"""What stands before every page: security headers on each answer, and no form from another site."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xinglin.base.errors import Forbidden

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script, no inline style, nothing from elsewhere. `data:` images are those inside the style sheet (arrows, ticks)."""


def leading_to(addresses: Iterable[str]) -> dict[str, str]:
    """The policy of one answer whose forms may end at foreign addresses: their origins, or the scheme of an installed application."""
    found = map(urlsplit, addresses)
    sources = [f"{one.scheme}://{one.netloc}" if one.scheme in ("http", "https") else f"{one.scheme}:" for one in found]
    return {"Content-Security-Policy": POLICY.replace("form-action 'self'", " ".join(("form-action 'self'", *dict.fromkeys(sources))))}


HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """ASGI middleware: the headers above on every answer; pages are never kept by caches."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, adding headers to its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


def require_same_origin(headers: Headers) -> None:
    """Raises `Forbidden` unless a browser says that the form is our own (Fetch Metadata; Origin for browsers without it)."""
    site = headers.get("sec-fetch-site")
    same_host = urlsplit(headers.get("origin", "")).netloc == headers.get("host")
    ours = same_host if site is None else site in ("same-origin", "none")
    if not ours:
        raise Forbidden("This form was sent from another site. Open the page here and try again.")


def own_address(address: str) -> str:
    """An address of this site to go to next; `/` for anything that would lead elsewhere."""
    parts = urlsplit(address)
    leads_elsewhere = parts.scheme or parts.netloc or not address.startswith("/") or "\\" in address or address.startswith("//")
    return "/" if leads_elsewhere or any(ord(letter) < 32 for letter in address) else address
