"""Every process of an installation is kept alive while it should be, and none outlives its end, however that comes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xinglin.base.errors import Conflict, Unavailable
from xinglin.base.settings import Settings, read_settings
from xinglin.doors.cli.supervisor import Supervisor, environment_of, listen

CHILD = """
    import argparse, os, sys, time
    from xinglin.doors.cli.child import hold_to, tell
    p = argparse.ArgumentParser()
    p.add_argument("notes"); p.add_argument("--lifeline", type=int); p.add_argument("--ready", type=int)
    asked = p.parse_args()
    hold_to(asked.lifeline)
    with open(asked.notes, "a") as notes: notes.write(f"{os.getpid()}\\n")
    tell(asked.ready)
    time.sleep(60)
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "child.py"
    file.write_text(textwrap.dedent(CHILD))
    return (sys.executable, str(file))


def started(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(claim: Callable[[], bool], seconds: float = 10) -> bool:
    limit = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def test_a_killed_process_is_started_again_and_all_end_at_the_end(program: tuple[str, ...], tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with Supervisor(environment_of(Settings()), program) as supervisor:
        supervisor.start("child", str(notes))
        supervisor.wait_ready()
        (first,) = started(notes)
        os.kill(first, signal.SIGKILL)
        limit = time.monotonic() + 10
        supervisor.run(until=lambda: len(started(notes)) == 2 or time.monotonic() > limit)
        second = started(notes)[1]
        assert alive(second)
    assert not alive(first)
    assert not alive(second)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_or_a_closed_terminal_ends_the_watch(program: tuple[str, ...], tmp_path: Path, number: signal.Signals) -> None:
    notes = tmp_path / "notes"
    with Supervisor(environment_of(Settings()), program) as supervisor:
        supervisor.start("child", str(notes))
        supervisor.wait_ready()
        os.kill(os.getpid(), number)
        supervisor.run()
        assert supervisor.ending
    assert not any(alive(pid) for pid in started(notes))


def test_children_end_when_the_supervisor_is_killed(program: tuple[str, ...], tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    parent = f"""
        from xinglin.base.settings import Settings
        from xinglin.doors.cli.supervisor import Supervisor, environment_of
        with Supervisor(environment_of(Settings()), {program!r}) as s:
            s.start("one", {str(notes)!r}); s.start("two", {str(notes)!r})
            s.run()
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent)])
    assert eventually(lambda: len(started(notes)) == 2)
    process.kill()
    process.wait()
    assert eventually(lambda: not any(alive(pid) for pid in started(notes)))


def test_a_process_that_cannot_start_is_told_not_tried_for_ever(tmp_path: Path) -> None:
    with Supervisor(environment_of(Settings()), (sys.executable, "-c", "raise SystemExit(3)")) as supervisor:
        supervisor.start("API 1", "api")
        with pytest.raises(Unavailable, match="API 1"):
            supervisor.wait_ready()


def test_a_port_in_use_is_said_clearly() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} .*--port"):
            listen("127.0.0.1", port, 2)


def test_the_port_of_another_installation_is_not_shared_silently() -> None:
    first = listen("127.0.0.1", 0, 2)
    try:
        with pytest.raises(Conflict):
            listen("127.0.0.1", first[0].getsockname()[1], 2)
    finally:
        for listening in first:
            listening.close()


def test_a_child_has_exactly_the_settings_of_its_supervisor() -> None:
    settings = Settings(port=9123, home="/srv/county", language="en", cipher="aes")
    assert read_settings(environment_of(settings)) == settings
