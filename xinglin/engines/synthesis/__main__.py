"""Writes the county as NDJSON to standard output: `python -m xinglin.engines.synthesis --residents 1000 > county.ndjson`."""

from __future__ import annotations

import argparse
import sys
from datetime import date

from xinglin.base.clock import utc_now
from xinglin.engines.synthesis import shards
from xinglin.fhir.codec import encode


def main() -> None:
    """Reads the command line and writes."""
    ask = argparse.ArgumentParser(prog="python -m xinglin.engines.synthesis", description="A fictional Chinese county as FHIR R4 NDJSON.")
    ask.add_argument("--residents", type=int, default=20_000)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--today", type=date.fromisoformat, default=utc_now().date(), help="day on which the records end (YYYY-MM-DD)")
    ask.add_argument("--of", type=int, default=1, help="write one of this many disjoint parts")
    ask.add_argument("--index", type=int, default=0, help="which part, from 0")
    given = ask.parse_args()
    write = sys.stdout.buffer.write
    for resource in shards(given.seed, given.residents, of=given.of, index=given.index, today=given.today):
        write(encode(resource))
        write(b"\n")


if __name__ == "__main__":
    main()
