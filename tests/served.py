"""The platform's own API processes on a test's database, as `xinglin up` starts them, seen only through HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from select import select
from typing import Any

from xinglin.access.tokens import issue
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.cli.supervisor import CHILD, environment_of, listen

START_S_MAX = 60
END_S_MAX = 20


@dataclass(frozen=True, slots=True)
class Served:
    """A running platform: the base of its FHIR door, and the keys that its tokens are signed with."""

    base: str
    keys: Keys

    def token(self, role: str = "system") -> str:
        """A bearer token for someone in a role."""
        return issue(self.keys, role, f"a-{role}", 3600)

    def bearer(self, role: str = "system") -> str:
        """The Authorization header of someone in a role."""
        return f"Bearer {self.token(role)}"


@contextmanager
def served(database: str, home: Path, keys: Keys, processes: int = 1, **given: Any) -> Iterator[Served]:
    """So many API processes over a prepared database, for the length of the block. `given`: further settings."""
    keep_keys(keys, home / "keys.json")
    settings = Settings(home=str(home), database_url=database, log_level="warning", **given)
    with ExitStack() as opened:
        sockets = [opened.enter_context(one) for one in listen("127.0.0.1", 0, processes)]
        port = sockets[0].getsockname()[1]
        environment = environment_of(replace(settings, port=port))
        started = [opened.enter_context(_process(one.fileno(), environment)) for one in sockets]
        for ready in started:
            assert select([ready], [], [], START_S_MAX)[0], "the API process did not start in time"
            assert os.read(ready, 1) == b"1", "the API process ended at its start"
        yield Served(f"http://127.0.0.1:{port}/fhir", keys)


@contextmanager
def _process(listening: int, environment: dict[str, str]) -> Iterator[int]:
    """One API process; the handle that tells when it serves. It ends with this one, however this one ends."""
    lifeline, held = os.pipe()
    ready, told = os.pipe()
    process = subprocess.Popen(
        [*CHILD, "api", "--lifeline", str(lifeline), "--ready", str(told), "--listen", str(listening)],
        pass_fds=(lifeline, told, listening), env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(told)
    try:
        yield ready
    finally:
        process.terminate()
        try:
            process.wait(END_S_MAX)
        finally:
            process.kill()
            for handle in (lifeline, held, ready):
                os.close(handle)


def keep_keys(keys: Keys, file: Path) -> None:
    """Write the key file of a home."""
    data = {str(number): key.hex() for number, key in keys.data.items()}
    file.touch(mode=0o600)
    file.write_text(json.dumps({"current": keys.current, "data": data, "index": keys.index.hex(), "token": keys.token.hex()}))
