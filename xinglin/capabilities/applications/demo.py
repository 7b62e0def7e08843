"""An application in the demo region: registered, without a secret, for residents who want to see their pressure as a curve."""

from __future__ import annotations

from xinglin.base.clock import tick_of
from xinglin.capabilities.applications import actions, queries
from xinglin.kit.stage import Stage

FORM = {
    "name": "血压日记（示范应用）",
    "auth": "none",
    "redirects": "http://127.0.0.1:9090/back",
    "scopes": "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs",
}


async def show(stage: Stage) -> None:
    """Register it, unless there is one."""
    unit = await stage.unit_of("system-admin")
    if not await queries.papers_of(unit).applications.count(tick_of(stage.now)):
        await actions.register(unit, FORM)
