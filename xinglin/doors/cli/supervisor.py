"""The processes of a running installation: started, watched, started again when they die, and all ended together."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Self

from xinglin.base.errors import Conflict, Unavailable
from xinglin.base.settings import PREFIX, Settings
from xinglin.doors.cli.telling import say

READY_S_MAX = 60
END_S_MAX = 15
"""Longest an ordered end may take; then the processes are killed."""
BACKOFF_S = (0.2, 1, 2, 5, 10, 30)
"""Wait before each restart in a row; a process that lived a minute starts over at the first."""
STEADY_S = 60
BACKLOG = 2048
CHILD = (sys.executable, "-m", "xinglin.doors.cli.child")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def environment_of(settings: Settings) -> dict[str, str]:
    """Our environment with every setting in it, so that a child has exactly ours."""
    return {**os.environ, **{PREFIX + name.upper(): str(value) for name, value in asdict(settings).items()}}


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` listening sockets on one address, between which the kernel spreads connections. Port 0 chooses a free one.

    Raises `Conflict` when another program listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:  # SO_REUSEPORT would let us share the port of a second installation unnoticed
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
            port = probe.getsockname()[1]
        sockets: list[socket.socket] = []
        for _ in range(count):
            sockets.append(socket.socket(family))
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sockets[-1].bind((host, port))
            sockets[-1].listen(BACKLOG)
    except OSError as taken:
        advice = "Port {port} of {host} is not free ({why}). Choose another: xinglin up --port NUMBER."
        raise Conflict(advice, port=port, host=host, why=taken.strerror) from taken
    return sockets


@dataclass(slots=True)
class Child:
    """One process to keep alive. `handles` are given on by number."""

    name: str
    words: tuple[str, ...]
    handles: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    ready: int = -1
    served: bool = False
    began: float = 0.0
    deaths: int = 0
    again: float = field(default=0.0)


class Supervisor:
    """Keeps children alive until it is told to end by SIGINT, SIGTERM or SIGHUP. Lives in the main thread.

    `beside` is called at each look, twice a second: it tends what the children stand on.
    """

    def __init__(self, environment: Mapping[str, str], program: Sequence[str] = CHILD, beside: Callable[[], None] = lambda: None) -> None:
        self._program = program
        self._beside = beside
        self._environment = dict(environment)
        self._children: list[Child] = []
        self._lifeline, self._held = os.pipe()
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._orders = 0
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (*ENDINGS, signal.SIGCHLD):
            self._former[number] = signal.signal(number, self._told)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        signal.set_wakeup_fd(-1)
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]
        for handle in (self._lifeline, self._held, self._wake, self._waker):
            os.close(handle)

    @property
    def ending(self) -> bool:
        """Whether the order to end has come."""
        return self._orders > 0

    def start(self, name: str, *words: str, handles: tuple[int, ...] = ()) -> None:
        """Start the program with these words and keep it alive from now on."""
        child = Child(name, words, handles)
        self._children.append(child)
        self._launch(child)

    def wait_ready(self) -> None:
        """Until every child serves; raises `Unavailable` when one ends or takes too long. Returns early when told to end."""
        limit = time.monotonic() + READY_S_MAX
        while not self.ending and not all(child.served for child in self._children):
            for child in self._children:
                if child.process is not None and child.process.poll() is not None:
                    raise Unavailable("The {name} process ended at its start; its reason stands above.", name=child.name)
            if time.monotonic() > limit:
                raise Unavailable("The processes did not start within {limit} seconds.", limit=READY_S_MAX)
            self._sleep(0.2)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Watch until told to end, or `until` says so."""
        while not self.ending and not until():
            self._beside()
            for child in self._children:
                self._tend(child)
            self._sleep(0.5)

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and (code := child.process.poll()) is not None:
            child.deaths = 1 if now - child.began > STEADY_S else child.deaths + 1
            wait = BACKOFF_S[min(child.deaths, len(BACKOFF_S)) - 1]
            say(f"  ! The {child.name} process ended ({_reason(code)}); started again in {wait:g} s")
            child.process, child.again = None, now + wait
            self._forget_ready(child)
        if child.process is None and now >= child.again:
            self._launch(child)

    def _launch(self, child: Child) -> None:
        child.ready, told = os.pipe()
        child.process = subprocess.Popen(
            [*self._program, *child.words, "--lifeline", str(self._lifeline), "--ready", str(told)],
            pass_fds=(self._lifeline, told, *child.handles), env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(told)
        child.began, child.served = time.monotonic(), False

    def _sleep(self, seconds: float) -> None:
        """Until a signal, a child that serves, or the time."""
        waiting = {child.ready: child for child in self._children if child.ready >= 0}
        readable, _, _ = select.select([self._wake, *waiting], [], [], seconds)
        for handle in readable:
            if handle == self._wake:
                os.read(handle, 4096)
            else:
                waiting[handle].served = os.read(handle, 1) == b"1"
                self._forget_ready(waiting[handle])

    def _forget_ready(self, child: Child) -> None:
        if child.ready >= 0:
            os.close(child.ready)
            child.ready = -1

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if number in ENDINGS:
            self._orders += 1

    def _end(self) -> None:
        """Ask all children to end, wait, then kill; a second order kills at once."""
        alive = [child.process for child in self._children if child.process is not None]
        for process in alive:
            process.terminate()
        limit, asked = time.monotonic() + END_S_MAX, self._orders
        while any(process.poll() is None for process in alive) and time.monotonic() < limit and self._orders <= max(asked, 1):
            self._sleep(0.1)
        for process in alive:
            process.kill()
            process.wait()
        for child in self._children:
            self._forget_ready(child)


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"
