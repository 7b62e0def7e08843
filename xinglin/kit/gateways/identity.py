"""The population base: do an ID number and a name belong together? Over HTTP, or simulated by the residents of our own store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from xinglin.base.settings import Settings
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.post import post_json
from xinglin.store import Records

RESIDENT_NUMBER = "urn:oid:2.16.156.10011.1.3"
"""Identifier system of the resident id number (WS/T 500)."""


class Identity(Protocol):
    """Compares identities. `name` says who does, as the account's proof keeps it."""

    @property
    def name(self) -> str:
        """Who compares."""
        ...

    async def belong(self, number: str, name: str) -> bool:
        """Whether an ID number is a person's of this name. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class HttpIdentity:
    """The population base: `POST {"number", "name"}` answers `{"match": true|false}`."""

    url: str
    key: str
    name: str = "population base"

    async def belong(self, number: str, name: str) -> bool:
        """Whether they belong together. Raises `Unavailable`."""
        answer = await post_json(self.url, self.key, {"number": number, "name": name})
        return isinstance(answer, dict) and answer.get("match") is True


@dataclass(frozen=True, slots=True)
class SimulatedIdentity:
    """Knows whom our own store knows."""

    records: Records
    name: str = "simulated population base"

    async def belong(self, number: str, name: str) -> bool:
        """Whether a resident of this number has this name."""
        return any(named(one, name) for one in await residents_of(self.records, number))


def identity_of(settings: Settings, records: Records) -> Identity:
    """The gateway the settings name, or the simulator over these records (which must see everyone)."""
    return HttpIdentity(settings.identity_url, settings.identity_key) if settings.identity_url else SimulatedIdentity(records)


async def resident_of(records: Records, number: str, name: str) -> Resource | None:
    """The one living resident of our store with this number and name; None for nobody, and for more than one."""
    found = [one for one in await residents_of(records, number) if named(one, name) and one.get("active", True) and not has_died(one)]
    return found[0] if len(found) == 1 else None


async def residents_of(records: Records, number: str) -> list[Resource]:
    """The Patients that carry an ID number; at most a few."""
    return await records.find("Patient", f"identifier={RESIDENT_NUMBER}|{number}", count=5)


def named(patient: Resource, name: str) -> bool:
    """Whether a resident has this name, spaces aside."""
    wanted = "".join(name.split())
    told = (one.get("text") or f"{one.get('family', '')}{''.join(one.get('given', []))}" for one in patient.get("name", []))
    return bool(wanted) and any("".join(text.split()) == wanted for text in told)


def has_died(patient: Resource) -> bool:
    """Whether a resident is recorded as dead."""
    return bool(patient.get("deceasedDateTime") or patient.get("deceasedBoolean"))
