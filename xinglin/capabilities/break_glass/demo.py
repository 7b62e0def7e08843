"""Two emergencies in the demo region: one that will be judged, one that waits."""

from __future__ import annotations

from xinglin.access.breakglass import cases
from xinglin.base.clock import tick_of
from xinglin.capabilities.break_glass import actions, queries
from xinglin.capabilities.break_glass.model import REASONS
from xinglin.kit.i18n import in_language
from xinglin.kit.stage import Stage

EMERGENCIES = (
    ("dispatcher", "10.58.1.12", "王秀英", "ambulance", "家中摔倒，右侧肢体无力"),
    ("township-doctor", "10.58.3.5", "刘丽", "life", "赶集时晕倒，送到卫生院时心率128次/分"),
)
"""Persona, their machine within the health network, resident, preset reason, what they add."""


async def show(stage: Stage) -> None:
    """The emergencies, unless there have been some."""
    language = stage.store.ground.settings.language
    for persona, address, name, preset, words in EMERGENCIES:
        unit = await stage.unit_of(persona)
        if name not in stage.residents or await cases(stage.store).find(f"account {unit.actor.id}", tick_of(stage.now)):
            continue
        patient = (await queries.everyone(stage.store).read("Patient", stage.residents[name])).resource()
        await actions.open_record(unit, patient, f"{in_language(language, REASONS[preset])}；{words}", address)
