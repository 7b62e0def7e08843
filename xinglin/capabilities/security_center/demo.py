"""The security administrator of the demo region has judged one emergency; the other waits."""

from __future__ import annotations

from xinglin.access.breakglass import cases
from xinglin.base.clock import tick_of
from xinglin.capabilities.security_center import actions
from xinglin.kit.stage import Stage

VERDICT = "已核对急救出车记录：当日确有派车，调阅内容限于过敏、用药和既往病史，正当。"


async def show(stage: Stage) -> None:
    """Judge what the dispatcher opened, if it waits."""
    unit, dispatcher = await stage.unit_of("security-admin"), await stage.unit_of("dispatcher")
    for paper in await cases(stage.store).find(f"account {dispatcher.actor.id}", tick_of(stage.now)):
        if paper.value.state == "open":
            await actions.judge_emergency(unit, paper.key, "justified", VERDICT)
