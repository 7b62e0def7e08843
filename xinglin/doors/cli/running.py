"""`xinglin up`: the whole installation, from nothing to the address to open, until it is told to end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import FrameType

from xinglin.base.settings import Settings
from xinglin.doors.cli import accounts, demo
from xinglin.doors.cli.installation import announce, claimed, database, keys_of
from xinglin.doors.cli.supervisor import Supervisor, environment_of, listen
from xinglin.doors.cli.telling import say, step
from xinglin.store.ground import prepare

EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


def run(settings: Settings, *, with_demo: bool) -> None:
    """Start everything and stay until SIGINT, SIGTERM or SIGHUP; every process started here has ended on return."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with _running(settings, with_demo=with_demo) as (supervisor, address, ready):
        _welcome(ready, address)
        supervisor.run()
        say("\nEnding …")
    say("Ended; the data is kept.")


@contextmanager
def started(settings: Settings) -> Generator[str]:
    """The platform running beside us for the length of the block; its address."""
    with _running(settings, with_demo=False) as (_, address, _ready):
        yield address


@contextmanager
def _running(settings: Settings, *, with_demo: bool) -> Generator[tuple[Supervisor, str, Settings]]:
    with claimed(settings) as handle, ExitStack() as opened:
        sockets = [opened.enter_context(listening) for listening in listen(settings.host, settings.port, settings.workers)]
        address = address_of(settings.host, sockets[0].getsockname()[1])
        record = opened.enter_context(database(settings))
        ready = replace(settings, database_url=record.dsn, key_file=str(settings.key_path), home=str(settings.home_path))
        ready = replace(ready, demo=int(_prepare(ready, with_demo=with_demo)))
        supervisor = opened.enter_context(Supervisor(environment_of(ready), beside=record.tend))
        _start(supervisor, sockets)
        announce(handle, address)
        yield supervisor, address, ready


def address_of(host: str, port: int) -> str:
    """What a person opens in a browser on this machine."""
    if host in EVERY_ADDRESS:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _prepare(settings: Settings, *, with_demo: bool) -> bool:
    """Make the database ready; whether it holds the demo county, with its people to sign in as."""
    keys = keys_of(settings)
    with step("Schema"):
        asyncio.run(prepare(settings, settings.database_url, keys))
    if with_demo:
        demo.ensure(settings, keys, environment_of(settings))
    residents = demo.residents(settings) if with_demo else None
    accounts.settle_personas(settings, keys, residents)
    if residents is not None:
        demo.show(settings, keys, residents)
    return residents is not None


def _start(supervisor: Supervisor, sockets: list[socket.socket]) -> None:
    with step(f"{len(sockets)} API processes and the worker"):
        for number, listening in enumerate(sockets, 1):
            supervisor.start(f"API {number}", "api", "--listen", str(listening.fileno()), handles=(listening.fileno(),))
        supervisor.start("worker", "worker")
        supervisor.wait_ready()
    if supervisor.ending:
        raise KeyboardInterrupt


def _welcome(settings: Settings, address: str) -> None:
    say(f"\nXinglin is ready: {address}   (FHIR API: {address}/fhir)")
    command = f"{_program()} account create LOGIN --role system_admin --name NAME --number ID --home {settings.home}"
    if settings.demo:
        say(f"Sign in as someone of the demo county: {address}/demo/people")
    elif not accounts.has_accounts(settings, keys_of(settings)):
        say(f"Nobody can sign in yet. The first administrator: {command}")
    say(f"Tokens for programs: {_program()} token --role ROLE --home {settings.home}     End with Ctrl-C.")


def _program() -> str:
    """How the person at this terminal calls `xinglin`."""
    return "xinglin" if shutil.which("xinglin") else os.path.relpath(sys.argv[0])


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
