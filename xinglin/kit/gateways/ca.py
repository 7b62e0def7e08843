"""The certification authority: certificates for those who sign, and signatures made with keys it keeps. Over HTTP, or simulated.

Only digests are sent to it: no document leaves the house to be signed. Its signatures are detached signed messages (GB/T 35275).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from xinglin.base.clock import tick_of
from xinglin.base.crypto import Keys, Signer, keyed_digest, signer
from xinglin.base.crypto.certificates import Certificate, issue, read_certificate
from xinglin.base.crypto.signatures import signing_key
from xinglin.base.crypto.signed_message import sign_message
from xinglin.base.errors import NotFound, Unavailable
from xinglin.base.settings import Settings
from xinglin.kit.gateways.post import post_json
from xinglin.store.ground import Ground
from xinglin.store.papers import NEVER_US, Papers

DAYS = 365
"""How long a simulated certificate is valid."""
_ROOT_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_ROOT_DAYS = 7300


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is to hold a certificate: a reference such as `Practitioner/7`, the name, the institution's name."""

    reference: str
    name: str
    organization: str = ""


class Authority(Protocol):
    """A certification authority that signs for the holders of its certificates. `cipher`: its suite, `sm4` for SM2 with SM3."""

    @property
    def cipher(self) -> str:
        """The word of its suite."""
        ...

    @property
    def trusted(self) -> tuple[Certificate, ...]:
        """The authorities whose certificates we accept."""
        ...

    async def enrol(self, holder: Holder, now: datetime) -> Certificate:
        """A new certificate for a holder. Raises `Unavailable`."""
        ...

    async def sign(self, reference: str, digest: bytes, now: datetime) -> bytes:
        """The signed message (DER) of a holder over a digest. Raises `NotFound` without a valid certificate, `Unavailable`."""
        ...

    async def revoke(self, reference: str, now: datetime) -> None:
        """End every certificate of a holder. Raises `Unavailable`."""
        ...

    async def revoked_at(self, certificate: Certificate) -> datetime | None:
        """Since when a certificate is revoked; None for one that is not. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAuthority:
    """An authority's service: `POST` of JSON to `/certificates`, `/signatures`, `/revocations` and `/status` below its address."""

    url: str
    key: str
    cipher: str
    trusted: tuple[Certificate, ...]

    async def enrol(self, holder: Holder, now: datetime) -> Certificate:
        """`{"holder", "name", "organization"}` answers `{"certificate": PEM}`."""
        _ = now
        asked = {"holder": holder.reference, "name": holder.name, "organization": holder.organization}
        return _read(lambda answer: read_certificate(answer["certificate"]), await self._ask("certificates", asked))

    async def sign(self, reference: str, digest: bytes, now: datetime) -> bytes:
        """`{"holder", "digest": base64}` answers `{"message": base64}`, or `{"message": null}` for who has no valid certificate."""
        _ = now
        answer = await self._ask("signatures", {"holder": reference, "digest": b64encode(digest).decode()})
        if isinstance(answer, dict) and answer.get("message", "") is None:
            raise _without(reference)
        return _read(lambda answer: b64decode(answer["message"], validate=True), answer)

    async def revoke(self, reference: str, now: datetime) -> None:
        """`{"holder"}` answers nothing."""
        _ = now
        await self._ask("revocations", {"holder": reference})

    async def revoked_at(self, certificate: Certificate) -> datetime | None:
        """`{"serial": hexadecimal}` answers `{"revoked": instant or null}`."""
        answer = await self._ask("status", {"serial": f"{certificate.serial:x}"})
        return _read(lambda answer: answer["revoked"] and datetime.fromisoformat(answer["revoked"]), answer)

    async def _ask(self, what: str, value: dict[str, str]) -> Any:
        return await post_json(f"{self.url.rstrip('/')}/{what}", self.key, value)


class _Held(msgspec.Struct, frozen=True):
    """A certificate the simulator gave out: PEM, and when it was revoked (microseconds since 1970)."""

    certificate: str
    revoked: int | None = None


class SimulatedAuthority:
    """An authority in this house, for regions without one and for the demo: it issues real certificates, from a root nobody else trusts."""

    def __init__(self, ground: Ground, keys: Keys, cipher: str) -> None:
        self.cipher = cipher
        self._secret = keyed_digest(keys.signing or signing_key(keys.token), b"simulated certification authority", cipher)
        self._root = signer(self._secret, cipher)
        self._papers = Papers(ground, "certificate", _Held)
        subject = {"country": "CN", "organization": "Xinglin", "name": "Xinglin simulated CA"}
        root = issue(self._root, None, subject, self._root.public, _ROOT_FROM, _ROOT_DAYS, serial=1, authority=True)
        self.trusted = (root,)

    async def enrol(self, holder: Holder, now: datetime) -> Certificate:
        """A certificate for a key of its own; the one the holder had is not revoked by it."""
        serial = int.from_bytes(keyed_digest(self._secret, f"{holder.reference} {now.isoformat()}".encode())[:15], "big")
        subject = {"country": "CN", "organization": holder.organization, "name": holder.name, "number": holder.reference}
        made = issue(self._root, self.trusted[0], subject, self._signer(serial).public, now, DAYS, serial=serial)
        await self._papers.add(f"{serial:x}", _Held(made.pem), [holder.reference], NEVER_US)
        return made

    async def sign(self, reference: str, digest: bytes, now: datetime) -> bytes:
        """By the newest valid certificate. Raises `NotFound`."""
        papers = await self._papers.find(reference, tick_of(now))
        held = [read_certificate(paper.value.certificate) for paper in papers if paper.value.revoked is None]
        valid = [one for one in held if one.holds_at(now) and self.trusted[0].issued(one)]
        if not valid:
            raise _without(reference)
        own = max(valid, key=lambda one: one.not_before)
        return sign_message(digest, self._signer(own.serial), own, now)

    async def revoke(self, reference: str, now: datetime) -> None:
        """End every certificate of a holder."""
        for paper in await self._papers.find(reference, tick_of(now)):
            if paper.value.revoked is None:
                await self._papers.put(paper, _Held(paper.value.certificate, tick_of(now)))

    async def revoked_at(self, certificate: Certificate) -> datetime | None:
        """Since when it is revoked."""
        paper = await self._papers.look(f"{certificate.serial:x}", tick_of(_ROOT_FROM))
        if paper is None or paper.value.revoked is None:
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=paper.value.revoked)

    def _signer(self, serial: int) -> Signer:
        return signer(keyed_digest(self._secret, f"key of {serial:x}".encode(), self.cipher), self.cipher)


def authority_of(settings: Settings, ground: Ground, keys: Keys) -> Authority:
    """The authority the settings name, or the simulator. Raises `Unavailable` when the file of trusted certificates cannot be read."""
    if not settings.ca_url:
        return SimulatedAuthority(ground, keys, settings.cipher)
    return HttpAuthority(settings.ca_url, settings.ca_key, settings.cipher, trusted_in(Path(settings.ca_trusted)))


def trusted_in(file: Path) -> tuple[Certificate, ...]:
    """The certificates of a PEM file. Raises `Unavailable`."""
    end = "-----END CERTIFICATE-----"
    try:
        parts = file.read_text(encoding="ascii").split(end)[:-1]
        return tuple(read_certificate(f"{part}{end}") for part in parts)
    except (OSError, ValueError) as broken:
        raise Unavailable("The file {file} of trusted certification authorities cannot be read.", file=str(file)) from broken


def _without(reference: str) -> NotFound:
    return NotFound("{holder} has no valid signature certificate; ask the system administrator for one.", holder=reference)


def _read(take: Any, answer: Any) -> Any:
    try:
        return take(answer)
    except (ValueError, KeyError, TypeError) as broken:
        raise Unavailable("The certification authority answered what cannot be read.", retry_after_s=60) from broken
