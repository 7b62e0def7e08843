"""The long form of `tests/input/fuzz`: `python -m bench.fuzzing --number 10000 --seed 1`. Counts of answers, and what was wrong."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import KEYS
from tests.input.fuzz.asks import asks
from tests.input.fuzz.region import Region, running
from xinglin.base.settings import Settings
from xinglin.store import prepare
from xinglin.store.postgres import Embedded

FAULTS_SHOWN = 20
SETTLED_S = 1.0
"""After so long the rows of reads are in the trail too."""


def main() -> int:
    """Ask, and print what came back; 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="bench.fuzzing")
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, server = Path(folder) / "home", Embedded(Path(folder) / "postgres")
        home.mkdir()
        try:
            return asyncio.run(_fuzz(server.start(), home, asked.seed, asked.number))
        finally:
            server.remove()


async def _fuzz(database: str, home: Path, seed: int, number: int) -> int:
    await prepare(Settings(), database, KEYS)
    async with running(database, home, KEYS, seed) as region:
        before = region.memory("VmRSS")
        for ask in asks(region.world, number):
            await region.ask(ask)
        await asyncio.sleep(SETTLED_S)
        wrong = [*region.faults, *await region.disagreements()]
        _say(region, number, region.memory("VmHWM") - before)
    for fault in wrong[:FAULTS_SHOWN]:
        print(fault[:2000])
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


def _say(region: Region, number: int, grown: int) -> None:
    print(f"{number} malformed requests; the process grew by {grown // 2**20} MiB at most\n")
    print("| Door | 2xx | 3xx | 4xx | 5xx | no answer |\n|---|--:|--:|--:|--:|--:|")
    for door in ("fhir", "web", "smart", "wire"):
        print(f"| {door} | " + " | ".join(str(count) for count in _classes(region.counts, door)) + " |")
    print()


def _classes(counts: Mapping[tuple[str, int], int], door: str) -> list[int]:
    found = Counter[int]()
    for (one, status), count in counts.items():
        if one == door:
            found[0 if status == 499 else status // 100] += count
    return [found[2], found[3], found[4], found[5], found[0]]


if __name__ == "__main__":
    sys.exit(main())
