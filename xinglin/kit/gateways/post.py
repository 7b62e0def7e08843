"""One way out for all HTTP gateways: JSON by POST to an address of the settings, https only (or this machine), no redirects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from xinglin.base.errors import Malformed, Unavailable

TIMEOUT_S = 10
ANSWER_BYTES_MAX = 1_000_000
_HERE = ("localhost", "127.0.0.1", "::1")


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: it could lead the key elsewhere."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """None: not followed."""


async def post_json(url: str, key: str, value: Mapping[str, Any]) -> Any:
    """The JSON answer of a gateway (None for an empty one). Raises `Unavailable` when it does not answer or refuses."""
    return await asyncio.to_thread(_post, checked(url), key, value)


def checked(url: str) -> str:
    """The address, if one may be spoken to: https, or http on this machine. Raises `Malformed`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise Malformed("A gateway's address begins with https://.")
    return url


def _post(url: str, key: str, value: Mapping[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = Request(url, json.dumps(value).encode(), headers, method="POST")  # noqa: S310 - the scheme was checked
    try:
        with build_opener(_Stay).open(request, timeout=TIMEOUT_S) as answer:
            body = answer.read(ANSWER_BYTES_MAX)
        return json.loads(body) if body.strip() else None
    except HTTPError as refused:
        raise Unavailable("The outside service answered {status}. Try again later.", status=refused.code, retry_after_s=60) from refused
    except (OSError, ValueError) as down:
        raise Unavailable("The outside service does not answer. Try again later.", retry_after_s=60) from down
