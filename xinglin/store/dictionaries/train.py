"""Makes the shipped dictionaries: `python -m xinglin.store.dictionaries.train FILE.ndjson …`.

A dictionary holds pieces of its samples in clear, so only resources about nobody may be sampled: Synthea, the demo region.
"""

from __future__ import annotations

import gzip
import random
import sys
from collections import defaultdict
from pathlib import Path

import zstandard

from xinglin.base.clock import tick_of, utc_now
from xinglin.fhir.codec import decode_resource, encode
from xinglin.store.applying import stamped
from xinglin.store.content import tail_of

SAMPLES_MAX = 4_000
SAMPLES_MIN = 100
SIZE_BYTES = 48 * 1024


def main(files: list[str]) -> None:
    """Train one dictionary for each type with enough samples, beside this module."""
    samples: defaultdict[str, list[bytes]] = defaultdict(list)
    tick, chance = tick_of(utc_now()), random.Random(1)  # noqa: S311 (a choice of samples, the same each time; nothing secret)
    for name in files:
        with gzip.open(name) if name.endswith(".gz") else Path(name).open("rb") as lines:
            for line in lines:
                resource = decode_resource(line)
                stored = tail_of(encode(stamped(resource, resource["id"], 1, tick)))
                samples[resource["resourceType"]].append(stored)
    for type_, held in sorted(samples.items()):
        if len(held) < SAMPLES_MIN:
            continue
        chosen = chance.sample(held, min(len(held), SAMPLES_MAX))
        size = min(SIZE_BYTES, sum(map(len, chosen)) // 8)
        trained = zstandard.train_dictionary(size, list(chosen), level=3)
        (Path(__file__).parent / f"{type_}.zdict").write_bytes(trained.as_bytes())


if __name__ == "__main__":
    main(sys.argv[1:])
