"""Whatever is sent to whichever address by whomever: no fault of ours, none of our insides shown, nothing half written, still serving."""

from __future__ import annotations

from pathlib import Path

from tests.input.fuzz.asks import asks
from tests.input.fuzz.region import running
from tests.input.fuzz.wire import Ask
from xinglin.base.crypto import Keys

SEED, NUMBER = 3, 1500
GROWTH_MAX = 300 * 1024 * 1024
SOUND = Ask("fhir", b"GET", b"/fhir/Patient/zhang-guilan", who="system")


async def test_nothing_that_can_be_sent_harms(database: str, home: Path, keys: Keys) -> None:
    async with running(database, home, keys, SEED) as region:
        assert (await region.ask(SOUND)).status in (200, 410)
        before = region.memory("VmRSS")
        for ask in asks(region.world, NUMBER):
            await region.ask(ask)
        assert not region.faults, "\n".join(region.faults[:20])
        assert (await region.ask(SOUND)).status in (200, 410)
        assert region.memory("VmHWM") - before < GROWTH_MAX
        assert not await region.disagreements()
        doors = {door for door, _ in region.counts}
        assert doors == {"fhir", "web", "smart", "wire"}
        for door in ("fhir", "web"):
            assert sum(count for (one, status), count in region.counts.items() if one == door and status < 400) > NUMBER // 50, (
                "too little gets through"
            )
