"""The deeds: register and stop an application, allow and deny one, take back what was allowed, start one."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from xinglin.access.oauth import asking, grants, registering
from xinglin.access.policy import require
from xinglin.base.clock import tick_of
from xinglin.capabilities.applications import queries, rules
from xinglin.kit.unit import Unit


async def register(unit: Unit, form: Mapping[str, str]) -> tuple[str, str]:
    """(client id, secret or ""). Raises `Malformed` with what to mend."""
    wanted = msgspec.structs.replace(rules.described(form), made_us=tick_of(unit.now), made_by=unit.actor.id)
    return await registering.register(queries.papers_of(unit), wanted)


async def set_disabled(unit: Unit, client: str, *, disabled: bool) -> None:
    """Stop an application at once, or let it ask again."""
    await registering.set_disabled(queries.papers_of(unit), client, unit.now, disabled=disabled)


async def read_request(unit: Unit, query: Mapping[str, str], site: str) -> asking.Asked:
    """What an application asks of the person. Raises `Refused`."""
    return await asking.read_request(queries.papers_of(unit), query, site, unit.actor, unit.now)


async def allow(unit: Unit, asked: asking.Asked, patient: str) -> str:
    """Allow it, about a patient ("" when none is asked for); where the browser goes. Raises `NotFound` for one out of reach."""
    about = (asked.launch.patient if asked.launch else "") or patient
    if about:
        require(unit.actor, "read", "Patient")
        await unit.store.read("Patient", about)
    return await asking.allow(queries.papers_of(unit), asked, unit.actor, patient, unit.now)


async def take_back(unit: Unit, id_: str) -> None:
    """End a permission the person gave, with every token that came of it. Raises `NotFound`."""
    await queries.own_grant(unit, id_)
    await grants.end(queries.papers_of(unit), id_, unit.now)


async def start(unit: Unit, client: str, patient: str, encounter: str, site: str) -> str:
    """The address that starts an application about a patient within reach, perhaps about a visit of theirs. Raises `NotFound`."""
    await unit.store.read("Patient", patient)
    if encounter:
        await unit.store.read("Encounter", encounter)
    return await asking.launch_for(queries.papers_of(unit), client, unit.actor, patient, encounter, site, unit.now)
