"""What the access predicate costs: the search mix as someone who may see some patients, against the same searches without a limit.

Three scopes: a village doctor's (a hundredth of the patients, at most 300), an institution's (a quarter), and a county hospital's (nine
tenths). Each takes turns with the role `system`, over one connection for each shape and over eight for the mix.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import questions
from bench.client import cycle
from bench.home import Server, say, settings_of
from bench.rounds import Side, against
from bench.searching import CONNECTIONS, SHAPE_SHARE, operands
from bench.table import Report
from xinglin.access.tokens import issue
from xinglin.base.crypto import FileKeys
from xinglin.store import open_store
from xinglin.store.relations import Relation, Source, follow_now

BAR = 1.5
Shapes = dict[str, Callable[[random.Random], str]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone with a scope: their account, what it is called, and how many of all the patients it holds."""

    account: str
    name: str
    share: float
    most: int = 10**9


READERS = (
    Reader("bench-village", "a village doctor's", 0.01, 300),
    Reader("bench-institution", "an institution's quarter", 0.26),
    Reader("bench-hospital", "nine tenths", 0.9),
)


def measure(report: Report, server: Server, home: Path, copies: int, seconds: float) -> None:
    """Measure each reader's mix and shapes."""
    keys = FileKeys(settings_of(home).key_path).keys()
    counts = asyncio.run(_relate(home, server.dsn))
    shapes = questions.shapes(*operands(copies))
    for reader in READERS:
        token = issue(keys, "doctor", reader.account, 24 * 3600)
        _one(report, server, reader, counts[reader.account], token, shapes, seconds)


def _one(report: Report, server: Server, reader: Reader, count: int, token: str, shapes: Shapes, seconds: float) -> None:
    say(f"scope: {reader.name}, {count:,} patients")

    def side(whose: str, some: Shapes) -> Side:
        return Side(server.host, server.port, cycle(questions.maker(whose, some, 1)))

    limited, free = against(side(token, shapes), side(server.token, shapes), CONNECTIONS, seconds)
    worst: list[tuple[float, str]] = []
    for name, make in shapes.items():
        alone = {name: make}
        ours, theirs = against(side(token, alone), side(server.token, alone), 1, seconds * SHAPE_SHARE)
        worst.append((ours.p(0.5) / theirs.p(0.5), name))
        say(f"scope: {name}: p50 {ours.p(0.5):.2f} ms against {theirs.p(0.5):.2f} ms")
    cost, told = free.rate / limited.rate, sorted(worst, reverse=True)[:4]
    report.add(
        part="scope", what=f"search mix under {reader.name}, {count:,} patients", figure=limited.rate, unit="/s",
        bar=f"cost <= {BAR}", met=cost <= BAR, baseline="the same searches without a limit", baseline_figure=free.rate, ratio=cost,
        note="dearest shapes by p50: " + ", ".join(f"{name} x {ratio:.2f}" for ratio, name in told),
    )  # fmt: skip


async def _relate(home: Path, dsn: str) -> dict[str, int]:
    """Give each reader its patients; how many each has."""
    store = await open_store(settings_of(home, dsn), dsn, FileKeys(settings_of(home).key_path).keys())
    try:
        async with store.ground.pool.connection() as connection:
            ids = [str(row["id"]) for row in await connection.fetch('SELECT id FROM record."patient" ORDER BY patient')]
        counts: dict[str, int] = {}
        for place, reader in enumerate(READERS):
            chosen = sorted(random.Random(place).sample(ids, min(int(len(ids) * reader.share), reader.most)))
            counts[reader.account] = len(chosen)
            await follow_now(store, Source("AuditEvent", reader.account), list(_relations(reader, chosen)))
        return counts
    finally:
        await store.close()


def _relations(reader: Reader, patients: Iterable[str]) -> Iterable[Relation]:
    return (Relation(f"account {reader.account}", patient, "encounter") for patient in patients)
