"""Ours against the baseline, in turns: short rounds of each, so that what disturbs the machine disturbs both.

The kernel spreads connections over the processes by chance, and each round opens new ones: the rate is the median of the
rounds, a latency is over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench import client
from bench.client import Result

Requests = Iterator[tuple[str, bytes]]
ROUNDS = 4
WARM_SHARE = 0.25
"""Length of the warm-up, as a share of the seconds measured."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: where it answers and what it is asked."""

    host: str
    port: int
    requests: Requests


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers per second (median of rounds), and latencies in milliseconds over all rounds."""

    rate: float
    rates: tuple[float, ...]
    all: Result

    def p(self, share: float) -> float:
        """A latency percentile in milliseconds."""
        return self.all.percentile(share)

    @property
    def spread(self) -> str:
        """The rounds, for a note."""
        return "rounds " + " ".join(f"{rate:,.0f}" for rate in self.rates)


def against(ours: Side, theirs: Side, connections: int, seconds: float) -> tuple[Measured, Measured]:
    """Measure both over so many connections, each for so many seconds in all, after a warm-up of each."""
    for side in (ours, theirs):
        go(side, connections, seconds * WARM_SHARE)
    turns = [(go(ours, connections, seconds / ROUNDS), go(theirs, connections, seconds / ROUNDS)) for _ in range(ROUNDS)]
    return _together([turn[0] for turn in turns]), _together([turn[1] for turn in turns])


def go(side: Side, connections: int, seconds: float) -> Result:
    """One round; raises `RuntimeError` with the answer when one is not a success."""
    result = client.run(side.host, side.port, side.requests, connections, seconds)
    sound(result)
    return result


def sound(result: Result) -> None:
    """A figure is only one when every answer is good."""
    if result.bad or not result.answers:
        raise RuntimeError(f"{len(result.bad)} of {result.answers} answers were not good, such as: {result.bad[:1]}")


def _together(results: list[Result]) -> Measured:
    whole = Result(sum(result.seconds for result in results), sum(result.answers for result in results), [])
    for result in results:
        for shape, latencies in result.latencies.items():
            whole.latencies.setdefault(shape, []).extend(latencies)
    rates = tuple(result.rate for result in results)
    return Measured(median(rates), rates, whole)
