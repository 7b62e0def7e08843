"""What all HTTP gateways ask with: JSON by POST to an address of the settings, https only (or this machine), through `base/outward.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from xinglin.base.errors import Malformed, Unavailable
from xinglin.base.outward import ask, origin_of

TIMEOUT_S = 10
ANSWER_BYTES_MAX = 1_000_000
_HERE = ("localhost", "127.0.0.1", "::1")


async def post_json(url: str, key: str, value: Mapping[str, Any]) -> Any:
    """The JSON answer of a gateway (None for an empty one). Raises `Unavailable` when it does not answer, refuses or leads elsewhere."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    trusted = (origin_of(checked(url)),)
    try:
        answer = await ask(
            "POST", url, json.dumps(value).encode(), headers, bytes_max=ANSWER_BYTES_MAX, trusted=trusted, timeout_s=TIMEOUT_S
        )
    except Unavailable as down:
        raise Unavailable("The outside service does not answer. Try again later.", retry_after_s=60) from down
    if not 200 <= answer.status < 300:
        raise Unavailable("The outside service answered {status}. Try again later.", status=answer.status, retry_after_s=60)
    try:
        return json.loads(answer.body) if answer.body.strip() else None
    except ValueError as broken:
        raise Unavailable("The outside service does not answer. Try again later.", retry_after_s=60) from broken


def checked(url: str) -> str:
    """The address, if one may be spoken to: https, or http on this machine. Raises `Malformed`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise Malformed("A gateway's address begins with https://.")
    return url
