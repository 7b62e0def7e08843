"""What a process of ours runs: `python -m xinglin.doors.cli.child api|worker|demo`. Its settings come by the environment.

Inherited handles: `--lifeline` ends when the supervisor is gone, however it died; `--ready` is told once it serves;
`--listen` (api only) is the socket, opened by the supervisor so that connections wait while a process is restarted.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import uvicorn

from xinglin.base import logs
from xinglin.base.settings import Settings, read_settings
from xinglin.doors.cli.bounded import Bounded

APPLICATION = "xinglin.app:application"
WORKER = "xinglin.app:work"
"""The factory of the ASGI application, and the worker's work: composition stands above the doors, so it is named here, not imported."""

QUIETER = {"info": "warning"}
"""The server's own level by ours: its information is of no use to who runs the platform."""

GRACE_S = 10
"""How long requests under way may take after the order to end."""


def main(words: Sequence[str] | None = None) -> None:
    """Run one process until told to end."""
    parser = argparse.ArgumentParser(prog="xinglin child")
    parser.add_argument("kind", choices=("api", "worker", "demo"))
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--ready", type=int)
    parser.add_argument("--listen", type=int)
    parser.add_argument("--part", type=int)
    asked = parser.parse_args(words)
    hold_to(asked.lifeline)
    settings = read_settings()
    logs.begin(QUIETER.get(settings.log_level, settings.log_level))
    if asked.kind == "api":
        serve(settings, asked.listen, asked.ready)
    elif asked.kind == "worker":
        _named(WORKER)(settings, lambda: tell(asked.ready))
    else:
        from xinglin.doors.cli import demo

        demo.write_part(settings, asked.part)


def hold_to(lifeline: int) -> None:
    """End this process when the supervisor's end of the pipe closes: first asked, then, past the grace, made to."""

    def watch() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S + 5)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def tell(ready: int) -> None:
    """Tell the supervisor that this process serves."""
    os.write(ready, b"1")
    os.close(ready)


class _Announcing(uvicorn.Server):
    """uvicorn that says when its application has started."""

    def __init__(self, config: uvicorn.Config, ready: int) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started:
            tell(self._ready)


def serve(settings: Settings, listen: int, ready: int) -> None:
    """Serve the platform's application on an inherited listening socket."""
    config = uvicorn.Config(
        _named(APPLICATION)(settings),
        loop="uvloop",
        http=Bounded,
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies,
        log_config=None,
        log_level=QUIETER.get(settings.log_level, settings.log_level),
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
        backlog=2048,
    )
    server = _Announcing(config, ready)
    with socket.socket(fileno=listen) as inherited:
        server.run(sockets=[inherited])
    if not server.started:
        sys.exit(3)


def _named(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    main()
