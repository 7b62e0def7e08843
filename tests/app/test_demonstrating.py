"""The demo region at work: each capability shows itself once, as the personas, through their own scope."""

from __future__ import annotations

from datetime import datetime

from xinglin.access.accounts import personas
from xinglin.app.demonstrating import play
from xinglin.base.clock import utc_now
from xinglin.kit.capability import Capability
from xinglin.kit.i18n import t
from xinglin.kit.stage import Stage
from xinglin.store import Records, Scope, Store, Update

HER = "7a1c8f4e-0000-8000-a000-000000000001"
PATIENT = {"resourceType": "Patient", "id": HER, "name": [{"text": "张桂兰"}], "gender": "female"}
OTHER = PATIENT | {"id": "7a1c8f4e-0000-8000-a000-000000000002", "name": [{"text": "别人"}]}


async def test_who_has_something_to_show_shows_it_once_and_sees_what_the_persona_sees(store: Store, records: Records) -> None:
    now: datetime = utc_now()
    await records.write([Update(one, one["id"]) for one in (PATIENT, OTHER)])
    await personas.settle(store.ground, store.records(Scope.everyone()), {"张桂兰": HER}, now)
    seen: list[tuple[str, list[str]]] = []

    async def look(stage: Stage) -> None:
        unit = await stage.unit_of("zhang-guilan")
        seen.append((unit.actor.role, [one["id"] for one in await unit.store.find("Patient", count=10)]))

    capabilities = {"b": Capability(t("Accounts"), demo=look), "a": Capability(t("Accounts"), demo=look), "c": Capability(t("Accounts"))}
    assert await play(store, capabilities, {"张桂兰": HER}, now) == ["a", "b"]
    assert await play(store, capabilities, {"张桂兰": HER}, now) == []
    assert seen == [("resident", [HER])] * 2
