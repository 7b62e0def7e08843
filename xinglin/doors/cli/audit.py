"""`xinglin audit`: verify the ledger, give its head to others, be another's witness, prove a row, export and archive the trail.

Each of these is an act in the ledger itself.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from xinglin.access.auditing import event
from xinglin.base.clock import instant, tick_of, wall_us
from xinglin.base.crypto import Signer, signer_of
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation
from xinglin.doors.cli.telling import Counter, say
from xinglin.fhir.codec import encode
from xinglin.store import AuditRow, Store, open_store, prepare
from xinglin.store.ledger import looking
from xinglin.store.ledger.archive_file import SUFFIX, verify_file
from xinglin.store.ledger.archived import Archived
from xinglin.store.ledger.archiving import archive as archive_rows
from xinglin.store.ledger.faults import Report
from xinglin.store.ledger.heads import Exported, read_head, write_head
from xinglin.store.ledger.proving import export_head, prove_row
from xinglin.store.ledger.verified import Verified, keep_verified, last_verified
from xinglin.store.ledger.verifying import verify as verify_ledger
from xinglin.store.ledger.witnessing import witnessed

T = TypeVar("T")
WITNESSED = "witnessed"
"""Folder of the home where the last head of each ledger we are witness of is kept."""
SHOWN_MAX = 50
_KEPT_MAX = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the words behind the action, and the options."""

    words: tuple[str, ...] = ()
    since: str = ""
    before: str = ""
    name: str = ""
    new_key: bool = False

    def file(self, what: str) -> Path:
        """The one file named. Raises `Malformed`."""
        if len(self.words) != 1:
            raise Malformed("Name {what}.", what=what)
        return Path(self.words[0])


def look_after(settings: Settings, action: str, asked: Asked) -> bool:
    """Do one of `ACTIONS`; whether all is well. Raises `Malformed` for another."""
    if action not in ACTIONS:
        raise Malformed("There is no action {action}; there are: {actions}.", action=action, actions=", ".join(ACTIONS))
    return _ACTIONS[action](settings, asked)


def verify(settings: Settings, asked: Asked) -> bool:
    """Verify the ledger, with the heads and archives at hand; tell what is wrong."""
    heads, archives = _evidence(asked.words)
    since = read_head(Path(asked.since).read_bytes()) if asked.since else None
    counter = Counter("Rows", "verified")

    async def work(store: Store, signer: Signer) -> tuple[Report, Report]:
        own = Report()
        files = [_checked(path, own) for path in archives]
        kept = await last_verified(store.ground)
        if kept is not None and kept.head and since is None:
            heads.append(read_head(kept.head.encode()))
        done = 0

        def progress(rows: int) -> None:
            nonlocal done
            counter.add(rows - done)
            done = rows

        report = await verify_ledger(store.ground, signer, since=since, evidence=heads, archives=files, progress=progress)
        progress(report.rows + own.rows)  # what came after the last it was told of
        _note(store, "verify", f"{report.count + own.count} faults")
        await _keep(store, signer, report, own, partial=since is not None)
        return report, own

    report, own = _with_store(settings, work)
    counter.finish()
    return _tell(report, own)


def head(settings: Settings, asked: Asked) -> bool:
    """Write the newest head to a file, or print it."""

    async def work(store: Store, signer: Signer) -> Exported:
        return await export_head(store.ground, signer, _seals(asked.since))

    text = write_head(_with_store(settings, work))
    if asked.words:
        _write_new(asked.file("the file to write"), text)
    else:
        say(text.decode().rstrip())
    return True


def witness(settings: Settings, asked: Asked) -> bool:
    """Check another ledger's head against the last one seen, sign it, and remember it."""
    path = asked.file("the file of the head to witness")
    given = read_head(_bytes(path))
    former = _former(settings, given.ledger)
    held = installation.keys_of(settings)
    name = asked.name or settings.public_url or getpass.getuser()
    seen = witnessed(given, former, signer_of(held, settings.cipher), name, wall_us(), new_key=asked.new_key)
    text = write_head(seen)
    path.write_bytes(text)
    kept = _kept(settings, given.ledger)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(text)
    say(f"  ✓ Ledger {seen.ledger}: {seen.seals} seals, {seen.rows} rows at {seen.at}, signed with key {seen.key}")
    say("    It only grew since the head seen before" if former else "    The first head seen of it: ask its owner whether that is its key")
    say(f"    Signed as {name}. Send the file back; it is evidence for `xinglin audit verify`.")
    return True


def prove(settings: Settings, asked: Asked) -> bool:
    """Print the proof that one row is in the ledger."""
    if len(asked.words) != 1 or not asked.words[0].isdecimal():
        raise Malformed("Name the number of a row.")

    async def work(store: Store, signer: Signer) -> bytes:
        return msgspec.json.format(msgspec.json.encode(await prove_row(store.ground, signer, int(asked.words[0]))), indent=2)

    say(_with_store(settings, work).decode())
    return True


def export(settings: Settings, asked: Asked) -> bool:
    """Write the acts of a time as FHIR AuditEvents, NDJSON, newest first."""
    path = asked.file("the file to write")
    if path.exists():
        raise Conflict("{file} is there already.", file=str(path))
    since, until = _day(settings, asked.since), _day(settings, asked.before)

    async def work(store: Store, _signer: Signer) -> int:
        _note(store, "export", f"{asked.since or 'the beginning'} to {asked.before or 'now'}")
        count, before = 0, None
        with path.open("wb") as file:
            while page := await looking.acts(store.ground, since=since, until=until, before=before, limit=looking.PAGE_MAX):
                ids = await looking.patient_ids(store.ground, [number for act in page for number in act.patients])
                file.writelines(encode(event(act, ids, settings.public_url or "Xinglin")) + b"\n" for act in page)
                count, before = count + len(page), page[-1].n
        return count

    say(f"  ✓ {_with_store(settings, work):,} acts written to {path}")
    return True


def archive(settings: Settings, asked: Asked) -> bool:
    """Move rows older than a day into verified files."""
    folder, before = asked.file("the folder for the archive"), _day(settings, asked.before)
    if before is None:
        raise Malformed("Name the day with --before: rows sealed before it go into the archive.")

    async def work(store: Store, signer: Signer) -> list[Archived]:
        return await archive_rows(store.ground, signer, before, folder, wall_us(), _who())

    for made in _with_store(settings, work):
        say(f"  ✓ {folder / made.name}: {made.rows:,} rows of seals {made.seals.start} to {made.seals.stop - 1}, verified")
    say("    Keep the files, and a witnessed head: `xinglin audit verify DIR` checks both.")
    return True


_ACTIONS: dict[str, Callable[[Settings, Asked], bool]] = {
    "verify": verify, "head": head, "witness": witness, "prove": prove, "export": export, "archive": archive
}  # fmt: skip
ACTIONS = tuple(_ACTIONS)


# --- telling ---


def _tell(report: Report, own: Report) -> bool:
    for note in report.notes[:SHOWN_MAX]:
        say(f"  ! {note}")
    faults = [*own.faults, *report.faults]
    for fault in faults[:SHOWN_MAX]:
        say(f"  ✗ {fault}")
    count = own.count + report.count
    if count > SHOWN_MAX:
        say(f"  ✗ … and {count - SHOWN_MAX} more")
    if report.archived:
        checked = "not at hand here" if report.unchecked == report.archived else f"{report.unchecked} of them not at hand here"
        say(f"  · {report.archived} rows lie in archives{', ' + checked if report.unchecked else ', verified here'}")
    if report.unsealed:
        say(f"  · {report.unsealed} rows wait for their seal")
    mark, words = ("✗", f"{count} faults") if count else ("✓", "nothing was changed, removed, put in or reordered")
    say(f"  {mark} {report.rows + own.rows:,} rows in {report.seals:,} seals: {words}")
    if report.head is not None:
        say(f"    Head {report.head.number} of ledger {report.head.ledger} at {instant(report.head.at)}: {report.head.tree.hex()}")
    return not count


async def _keep(store: Store, signer: Signer, report: Report, own: Report, *, partial: bool) -> None:
    """Remember what came of it; a sound head is evidence the next time."""
    faults = tuple(str(fault) for fault in (*own.faults, *report.faults)[:_KEPT_MAX])
    count = report.count + own.count
    former = await last_verified(store.ground)
    kept = former.head if former else ""
    if report.sound and report.head is not None and not partial:
        newest = await export_head(store.ground, signer)
        kept = write_head(newest).decode() if newest.seals == report.head.number else kept
    outcome = Verified(at=wall_us(), seals=report.seals, rows=report.rows, count=count, faults=faults, partial=partial, head=kept)
    await keep_verified(store.ground, outcome)


def _note(store: Store, interaction: str, told: str) -> None:
    store.note(AuditRow(_who(), "system", interaction, "AuditEvent", None, told, 200, None, None))


def _who() -> str:
    return f"console:{getpass.getuser()}"


# --- what is at hand ---


def _evidence(words: Sequence[str]) -> tuple[list[Exported], list[Path]]:
    """Head files and archives, folders of either."""
    heads: list[Exported] = []
    archives: list[Path] = []
    for path in (Path(word) for word in words):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [file for file in inside if file.name.endswith((SUFFIX, ".json"))]
        if not found:
            raise NotFound("There is no head (.json) and no archive ({suffix}) at {path}.", suffix=SUFFIX, path=str(path))
        archives += [file for file in found if file.name.endswith(SUFFIX)]
        heads += [read_head(_bytes(file)) for file in found if file.name.endswith(".json")]
    return heads, archives


def _checked(path: Path, own: Report) -> Archived:
    """An archive, verified by itself; that it is of this ledger's past, the ledger tells."""
    before = own.count
    found = verify_file(path, {}, own)
    say(f"  {'✓' if own.count == before else '✗'} {path.name}: {found.rows:,} rows of seals {found.seals.start} to {found.seals.stop - 1}")
    return found


def _former(settings: Settings, ledger: str) -> Exported | None:
    kept = _kept(settings, ledger)
    return read_head(kept.read_bytes()) if kept.exists() else None


def _kept(settings: Settings, ledger: str) -> Path:
    if not ledger.isalnum():
        raise Malformed("This is no file of a tree head: its ledger has no name.")
    return settings.home_path / WITNESSED / f"{ledger}.json"


def _seals(since: str) -> int:
    """A number of seals, or that of the head in a file."""
    if since.isdecimal():
        return int(since)
    return read_head(_bytes(Path(since))).seals if since else 0


def _day(settings: Settings, text: str) -> int | None:
    """The beginning of a day in the installation's time zone, microseconds. Raises `Malformed`."""
    if not text:
        return None
    try:
        return tick_of(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(settings.timezone)))
    except ValueError:
        raise Malformed("{text} is no day such as 2026-05-31.", text=text) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as unread:
        raise NotFound("{file} cannot be read: {why}.", file=str(path), why=unread.strerror or str(unread)) from unread


def _write_new(path: Path, text: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError:
        raise Conflict("{file} is there already.", file=str(path)) from None
    say(f"  ✓ {path}")


def _with_store(settings: Settings, work: Callable[[Store, Signer], Awaitable[T]]) -> T:
    """Do something with the store of an installation, running or not."""
    held = installation.keys_of(settings)
    signer = signer_of(held, settings.cipher)

    async def run(dsn: str) -> T:
        there = replace(settings, database_url=dsn)
        await prepare(there, dsn, held)
        store = await open_store(there, dsn, held)
        try:
            return await work(store, signer)
        finally:
            await store.close()

    with installation.database(settings) as record:
        return asyncio.run(run(record.dsn))
