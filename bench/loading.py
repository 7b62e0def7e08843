"""Bulk load: NDJSON files by two processes, into tables that get their indexes at the end; the time counts until all are searchable."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import uvloop

from bench import synthea
from bench.copying import copy_seconds
from bench.home import Contents, database, database_bytes, keep, kept, remove, say, settings_of
from bench.table import Report
from xinglin.base.clock import utc_now
from xinglin.base.crypto import FileKeys
from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.validation import validate
from xinglin.store import open_store, prepare
from xinglin.store.bulk import Loader, end

PROCESSES = 2
BATCH = 4_000
BAR = 12_000


def loaded(home: Path, ndjson: Path, copies: int, *, validated: bool = False) -> Contents:
    """A home with so many copies of Synthea in it: the one an earlier run kept, or loaded now."""
    if (found := kept(home)) and found.copies == copies:
        say(f"{home.name}: {found.resources:,} resources, kept from {found.made_at}")
        return found
    remove(home)
    home.mkdir(parents=True)
    say(f"{home.name}: {copies} copies of Synthea as NDJSON, made unless they are there")
    files = synthea.write_copies(ndjson, copies, PROCESSES)
    with database(home) as dsn:
        contents = _load(home, dsn, files, copies, validated)
    keep(home, contents)
    return contents


def measure(report: Report, small: Path, ndjson: Path, copies: int) -> Contents:
    """Load the small home afresh, then the same with validation on into a home thrown away; put the rows in the report."""
    remove(small)
    contents = loaded(small, ndjson, copies)
    with database(small) as dsn:
        say("load: the same rows by COPY, indexes at the end")
        copied = contents.resources / copy_seconds(dsn, indexed=False)
    row = {"part": "load", "unit": "resources/s", "baseline": "same rows by COPY, indexes after", "baseline_figure": copied}
    report.add(
        **row,
        what=f"bulk load, {contents.resources:,} resources",
        figure=contents.rate,
        ratio=contents.rate / copied,
        bar=f">= {BAR:,}",
        met=contents.rate >= BAR,
        note=f"{contents.seconds:.1f} s, {PROCESSES} processes, validation off, all indexes built",
    )
    again = small.with_name("validated")
    try:
        checked = loaded(again, ndjson, copies, validated=True)
    finally:
        remove(again)
    report.add(
        **row,
        what="bulk load with validation",
        figure=checked.rate,
        ratio=checked.rate / copied,
        note="every resource validated, invariants included",
    )
    return contents


def large_row(report: Report, contents: Contents) -> None:
    """The load of the large home, which may be of an earlier day."""
    report.add(
        part="load",
        what=f"bulk load, {contents.resources:,} resources",
        figure=contents.rate,
        unit="resources/s",
        bar=f">= {BAR:,}",
        met=contents.rate >= BAR,
        note=f"{contents.seconds:.0f} s, loaded {contents.made_at}, validation off, all indexes built",
    )


def _load(home: Path, dsn: str, files: list[Path], copies: int, validated: bool) -> Contents:
    settings = settings_of(home, dsn)
    asyncio.run(prepare(settings, dsn, FileKeys(settings.key_path).keys()))
    empty = database_bytes(dsn)
    say(f"{home.name}: loading{' with validation' if validated else ''}")
    began = time.perf_counter()
    counts = _side_by_side(home, dsn, files, validated)
    say(f"{home.name}: {sum(counts):,} rows in after {time.perf_counter() - began:.1f} s; indexes")
    asyncio.run(_end(home, dsn))
    seconds = time.perf_counter() - began
    say(f"{home.name}: {sum(counts):,} resources in {seconds:.1f} s, {sum(counts) / seconds:,.0f}/s")
    return Contents(
        copies=copies,
        resources=sum(counts),
        seconds=seconds,
        json_bytes=sum(file.stat().st_size for file in files),
        empty_bytes=empty,
        full_bytes=database_bytes(dsn),
        made_at=f"{utc_now():%Y-%m-%d %H:%M} UTC",
    )


def _side_by_side(home: Path, dsn: str, files: list[Path], validated: bool) -> list[int]:
    """One process for each file; all are ended when one fails, or we are told to end."""
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as processes:
        started = [processes.submit(_part, home, dsn, file, validated) for file in files]
        try:
            return [one.result() for one in as_completed(started)]
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _part(home: Path, dsn: str, file: Path, validated: bool) -> int:
    """In a process of its own: load one file; how many resources were written."""
    gc.disable()  # nothing here goes in circles
    return uvloop.run(_load_file(home, dsn, file, validated))


def _batches(lines: Iterable[bytes], validated: bool) -> Iterator[list[Resource]]:
    """The resources of a file, parsed and if so wished validated, batch by batch."""
    source = iter(lines)
    while batch := [decode(line) for line in islice(source, BATCH)]:
        if validated:
            wrong = [issue for one in batch for issue in validate(one) if issue.severity == "error"]
            assert not wrong, wrong[0]
        yield batch


async def _load_file(home: Path, dsn: str, file: Path, validated: bool) -> int:
    settings = settings_of(home, dsn)
    store = await open_store(settings, dsn, FileKeys(settings.key_path).keys())
    try:
        loader = Loader(store.ground, bare=True)
        with file.open("rb") as lines:
            await loader.load_all(_batches(lines, validated))
        assert not loader.passed_over, "each resource of a load is new"
        return loader.written
    finally:
        await store.close()


async def _end(home: Path, dsn: str) -> None:
    settings = settings_of(home, dsn)
    store = await open_store(settings, dsn, FileKeys(settings.key_path).keys())
    try:
        await end(store.ground.pool)
    finally:
        await store.close()
