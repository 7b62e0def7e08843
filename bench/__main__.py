"""Every measured claim, one table: `make bench`, or `python -m bench`. Progress on standard error, the table on standard output."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

from bench import auditing, creating, facts, holding, importing, loading, reading, scoping, searching, table
from bench.home import Memory, Server, postgres_version, remove, say, serving, warm_files
from bench.rounds import Measured
from bench.table import PARTS, Report

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
COPIES, QUICK_COPIES = (5, 80), (1, 4)
SECONDS, QUICK_SECONDS = 8.0, 1.5
QUICK_BUNDLES = 20


@dataclass(slots=True)
class Run:
    """What is to be measured, where, and what has been found."""

    parts: frozenset[str]
    folder: Path
    seconds: float
    copies: tuple[int, int]
    bundles: int | None
    report: Report = field(default_factory=Report)
    memory: dict[str, list[Memory]] = field(default_factory=dict[str, list[Memory]])
    bare_memory: list[Memory] = field(default_factory=list[Memory])
    small_mix: Measured | None = None
    small_resources: int = 0

    @property
    def ndjson(self) -> Path:
        """Where the copies of Synthea are written."""
        return self.folder / "ndjson"

    def any(self, *parts: str) -> bool:
        """Whether one of these is asked for."""
        return not self.parts.isdisjoint(parts)


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is asked for and print it, also when a part fails: then what was found before it, and the failure."""
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.write and asked.quick:
        parser.error("quick figures are not written")
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as opened:
        folder = _folder(asked.keep)
        if not asked.keep:
            opened.callback(_throw_away, folder)
        copies = tuple(asked.copies or (QUICK_COPIES if asked.quick else COPIES))
        seconds = asked.seconds or (QUICK_SECONDS if asked.quick else SECONDS)
        run = Run(frozenset(asked.only or PARTS), folder, seconds, (copies[0], copies[1]), QUICK_BUNDLES if asked.quick else None)
        try:
            measure(run)
        finally:
            run.report.rows.sort(key=lambda row: PARTS.index(row.part))
            print(table.text(run.report))
        if asked.write:
            for file in table.write(run.report, REFERENCE):
                say(f"written: {file}")


def measure(run: Run) -> None:
    """The parts, on three homes: one filled by transactions, one of the small size, one of the large."""
    run.report.facts = facts.host_facts(postgres_version(run.folder / "fresh"))
    if warning := facts.busy_warning():
        run.report.warnings.append(warning)
        say(f"WARNING: {warning}")
    if run.any("import", "create"):
        _by_transactions(run)
    if run.any("load", "read", "search", "scope", "audit", "growth", "disk", "memory"):
        _small(run)
    if run.any("growth", "disk"):
        _large(run)
    if run.any("memory"):
        holding.memory(run.report, run.memory, run.bare_memory)


def _by_transactions(run: Run) -> None:
    home = run.folder / "fresh"
    remove(home)
    with serving(home) as server:
        _commit_fact(run, server)
        if run.any("import"):
            importing.measure(run.report, server, run.bundles)
        else:
            say("create: first some bundles, so that the record is not empty")
            importing.bring(server, QUICK_BUNDLES)
        if run.any("create"):
            creating.measure(run.report, server, run.seconds)
        run.memory["import and creates"] = server.memory()


def _small(run: Run) -> None:
    home, copies = run.folder / "small", run.copies[0]
    load = partial(loading.measure, run.report) if run.any("load") else loading.loaded
    contents = load(home, run.ndjson, copies)
    run.small_resources = contents.resources
    if run.any("disk"):
        holding.disk(run.report, contents)
    if not run.any("read", "search", "scope", "audit", "growth", "memory"):
        return
    warm_files(home)
    with serving(home) as server:
        _commit_fact(run, server)
        if run.any("read", "memory"):
            run.bare_memory = reading.measure(run.report, server, copies, run.seconds)
        if run.any("search", "growth", "memory"):
            run.small_mix = searching.measure(run.report, server, copies, contents.resources, run.seconds, barred=True)
        if run.any("scope"):
            scoping.measure(run.report, server, home, copies, run.seconds)
        if run.any("audit"):
            auditing.measure(run.report, server, home, copies, run.seconds)
        run.memory[f"reads and searches at {contents.resources:,}"] = server.memory()


def _large(run: Run) -> None:
    home, copies = run.folder / "large", run.copies[1]
    contents = loading.loaded(home, run.ndjson, copies)
    if run.any("load"):
        loading.large_row(run.report, contents)
    if run.any("disk"):
        holding.disk(run.report, contents)
    if not run.any("growth"):
        return
    assert run.small_mix is not None, "growth measures the small size first"
    say("large: reading the files once")
    warm_files(home)
    with serving(home) as server:
        mix = searching.measure(run.report, server, copies, contents.resources, run.seconds, barred=False)
        searching.growth(run.report, run.small_mix, mix, contents.resources / run.small_resources)
        run.memory[f"searches at {contents.resources:,}"] = server.memory()


def _commit_fact(run: Run, server: Server) -> None:
    if "one durable commit" not in run.report.facts:
        run.report.facts["one durable commit"] = f"{facts.commit_ms(server.dsn):.2f} ms"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, a minute or two: does it work, not how fast it is")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="NAME", help=f"some parts: {', '.join(PARTS)}")
    parser.add_argument("--keep", metavar="DIR", help="where homes are kept and used again, so that the large load is made once")
    parser.add_argument("--seconds", type=float, help=f"length of each measurement over HTTP (default {SECONDS:g})")
    parser.add_argument(
        "--copies", type=int, nargs=2, metavar="N", help=f"copies of Synthea (38,472 resources) at both sizes, default {COPIES}"
    )
    parser.add_argument("--write", action="store_true", help=f"write {REFERENCE.name}/measurements.md and .json; parts not measured stay")
    return parser


def _folder(kept: str | None) -> Path:
    """Where the homes are: a folder to keep, or one for this run, which PostgreSQL's own account must be able to reach."""
    if kept:
        return Path(kept).absolute()
    folder = Path(tempfile.mkdtemp(prefix="xinglin-bench-"))
    folder.chmod(0o711)
    return folder


def _throw_away(folder: Path) -> None:
    for home in folder.iterdir():
        remove(home)
    folder.rmdir()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
