"""Signing keys for id tokens (ES256): the one before, the one now, the one next, all in the JWK set.

The next key is published a whole period before it signs, and the one before stays for as long as a token it signed may be looked at.
Sources: RFC 7517, OpenID Connect Core 10.1.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey

from xinglin.access.oauth.model import SECOND_US, SigningKey
from xinglin.base.errors import Conflict
from xinglin.store.papers import NEVER_US, Paper, Papers

PERIOD_S = 90 * 24 * 3600
"""A key signs so long."""
AFTER_S = 24 * 3600
"""A key stays published so long after it has signed its last."""
ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys at one moment, oldest first: (kid, key). `now` signs."""

    keys: tuple[tuple[str, ECKey], ...]
    now: tuple[str, ECKey]

    def published(self) -> dict[str, Any]:
        """The JWK set: public halves only."""
        return {"keys": [_public(kid, key) for kid, key in self.keys]}


async def ring(papers: Papers[SigningKey], now_us: int) -> Ring:
    """The keys at a moment; makes what is missing: a first key, and always a next one."""
    kept = await papers.all(now_us)
    while not kept or kept[-1].value.since_us <= now_us:
        kept = await _with_another(papers, kept, now_us)
    begun = [paper for paper in kept if paper.value.since_us <= now_us]
    current = begun[-1] if begun else kept[0]  # none has when the machine's clock was set back
    return Ring(tuple((paper.key, _opened(paper)) for paper in kept), (current.key, _opened(current)))


async def rotate(papers: Papers[SigningKey], now_us: int) -> None:
    """Let the next key sign from now on, and make another next one."""
    await ring(papers, now_us)
    kept = await papers.all(now_us)
    await papers.put(kept[-1], SigningKey(kept[-1].value.jwk, now_us))
    for old in kept[:-1]:
        if old.ends == NEVER_US or old.ends > now_us + AFTER_S * SECOND_US:
            await papers.put(old, old.value, ends=now_us + AFTER_S * SECOND_US)
    await ring(papers, now_us)


async def _with_another(papers: Papers[SigningKey], kept: list[Paper[SigningKey]], now_us: int) -> list[Paper[SigningKey]]:
    """One key more. Two processes that make it at once want the same name: then the first one's is the key."""
    number = int(kept[-1].key.rpartition("-")[2]) + 1 if kept else 1
    since = now_us if not kept else max(now_us, kept[-1].value.since_us) + PERIOD_S * SECOND_US
    made = SigningKey(_text(ECKey.generate_key("P-256")), since)
    try:
        await papers.add(f"xinglin-{number}", made)
        if kept:  # the one that signs until then is not looked at for long after
            await papers.put(kept[-1], kept[-1].value, ends=since + AFTER_S * SECOND_US)
    except Conflict:
        pass
    return await papers.all(now_us)


def _text(key: ECKey) -> str:
    return json.dumps(key.as_dict(private=True))


def _opened(paper: Paper[SigningKey]) -> ECKey:
    return ECKey.import_key(json.loads(paper.value.jwk))


def _public(kid: str, key: ECKey) -> Mapping[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
