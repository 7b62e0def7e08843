"""`xinglin load`: files into the record through the FHIR API, several requests at once, in two rounds."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from xinglin.access.tokens import issue
from xinglin.base.errors import Malformed, Unavailable
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation, running
from xinglin.doors.cli.parcels import Parcel, Source, files_of, parcels_of, sources_of, waits
from xinglin.doors.cli.telling import Progress, say

TRIES_MAX = 8
REQUEST_S_MAX = 600
REFUSED_SHOWN_MAX = 50
TOKEN_S = 24 * 3600


class _Issue(msgspec.Struct):
    severity: str = ""
    diagnostics: str = ""
    expression: list[str] = []


class _Answer(msgspec.Struct):
    """What we read of an answer: the issues of an OperationOutcome, or the entries of a Bundle."""

    issue: list[_Issue] = []
    entry: list[_AnswerEntry] = []


class _Response(msgspec.Struct):
    status: str = ""
    outcome: _Answer | None = None


class _AnswerEntry(msgspec.Struct):
    response: _Response | None = None


@dataclass(slots=True)
class Tally:
    """What came of it, counted over all threads."""

    resources: int = 0
    refused: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, resources: int, refused: Sequence[str]) -> None:
        """One request's part."""
        with self.lock:
            self.resources += resources
            self.refused += refused


def load(settings: Settings, paths: Sequence[Path], parallel: int) -> int:
    """Load all files; how many resources or files were refused. Each refusal is told with its reason."""
    files = files_of(paths)
    tally, began = Tally(), time.monotonic()
    with _platform(settings) as address:
        post = _Poster(address, issue(installation.keys_of(settings), "system", "xinglin-load", TOKEN_S), tally)
        progress = Progress("Files read", sum(file.stat().st_size for file in files))
        with ThreadPoolExecutor(parallel) as pool:
            waiting = _round(post, pool, parallel, sources_of(files), progress, first=True)
            _round(post, pool, parallel, iter(waiting), None, first=False)
    took = time.monotonic() - began
    say(f"  ✓ {tally.resources} resources from {len(files)} files in {took:.1f} s ({tally.resources / max(took, 0.001):.0f} a second)")
    for line in tally.refused[:REFUSED_SHOWN_MAX]:
        say(f"  ✗ {line}")
    if len(tally.refused) > REFUSED_SHOWN_MAX:
        say(f"  ✗ … and {len(tally.refused) - REFUSED_SHOWN_MAX} more")
    return len(tally.refused)


def _round(
    post: _Poster, pool: ThreadPoolExecutor, parallel: int, sources: Iterator[Source], progress: Progress | None, *, first: bool
) -> list[Source]:
    """Send every source that need not wait; those that must are given back."""
    waiting: list[Source] = []
    under_way: set[Future[None]] = set()
    for source in sources:
        content = source.read()
        if first and waits(content):
            waiting.append(source)
        else:
            under_way |= {pool.submit(post, parcel) for parcel in _parcels(post, source, content)}
        while len(under_way) > parallel * 2:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            _raise_first(done)
        if progress:
            progress.show(source.behind, f"· {post.tally.resources} resources so far")
    _raise_first(wait(under_way).done)
    return waiting


def _parcels(post: _Poster, source: Source, content: bytes) -> list[Parcel]:
    try:
        return list(parcels_of(source, content))
    except Malformed as broken:
        post.tally.add(0, [str(broken)])
        return []


def _raise_first(done: set[Future[None]]) -> None:
    for future in done:
        future.result()


@contextmanager
def _platform(settings: Settings) -> Generator[str]:
    """The address of the running platform, or of one started for this."""
    address = installation.address_of_running(settings)
    if address:
        yield address
        return
    with running.started(replace(settings, host="127.0.0.1", port=0)) as started:
        yield started


class _Poster:
    """Sends a parcel; one kept connection a thread."""

    def __init__(self, address: str, token: str, tally: Tally) -> None:
        self._host = urlsplit(address).netloc
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
        self._mine = threading.local()
        self.tally = tally

    def __call__(self, parcel: Parcel) -> None:
        """Send it, waiting as asked when the server is busy. Raises `Unavailable` when it stays away."""
        for number in range(TRIES_MAX):
            try:
                status, headers, body = self._send(parcel.body)
            except (OSError, http.client.HTTPException):
                self._mine.connection = None
                time.sleep(0.5 * 2**number)
                continue
            if status not in (429, 503):
                self._count(parcel, status, body)
                return
            time.sleep(_seconds(headers.get("Retry-After")))
        raise Unavailable("The platform did not take {file} in {tries} tries.", file=parcel.name, tries=TRIES_MAX)

    def _send(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = http.client.HTTPConnection(self._host, timeout=REQUEST_S_MAX)
        connection.request("POST", "/fhir", body, self._headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    def _count(self, parcel: Parcel, status: int, body: bytes) -> None:
        answer = _answer(body)
        if status >= 400:
            self.tally.add(0, [f"{parcel.name}: {status} {_words(answer)}"])
            return
        failed = [entry.response for entry in answer.entry if entry.response and entry.response.status[:1] in ("4", "5")]
        self.tally.add(
            parcel.resources - len(failed), [f"{parcel.name}: {one.status} {_words(one.outcome or _Answer())}" for one in failed]
        )


def _answer(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError:
        return _Answer([_Issue("error", body[:200].decode(errors="replace"))])


def _words(answer: _Answer) -> str:
    errors = [issue for issue in answer.issue if issue.severity in ("error", "fatal")] or answer.issue
    return "; ".join(f"{issue.diagnostics} {' '.join(issue.expression)}".strip() for issue in errors[:3])


def _seconds(text: str | None) -> float:
    return min(float(text), 30.0) if text and text.isdigit() else 1.0
