"""What the figures were measured on: processors, memory, versions, how long the disk takes over a commit, and how busy the machine was."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from pathlib import Path
from statistics import median

import asyncpg

from xinglin.base.clock import utc_now

LOAD_MAX = 1.0
"""Load average above which a run is warned about."""
COMMITS = 60


def host_facts(postgres: str) -> dict[str, str]:
    """Facts by name, ready to print; call before anything else is started."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    return {
        "measured": f"{utc_now():%Y-%m-%d %H:%M} UTC",
        "processors": f"{len(os.sched_getaffinity(0))} × {_processor()}",
        "memory": f"{memory:.1f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "PostgreSQL": postgres,
        "load average at start": load,
    }


def busy_warning() -> str:
    """A sentence when the machine is not quiet; empty when it is."""
    load = os.getloadavg()[0]
    return f"The load average is {load:.2f}: others use this machine, the figures will be low and uneven." if load > LOAD_MAX else ""


def commit_ms(dsn: str) -> float:
    """Median time of the smallest durable commit, in milliseconds."""

    async def timed() -> float:
        connection = await asyncpg.connect(dsn)
        try:
            took: list[float] = []
            for _ in range(COMMITS):
                began = time.perf_counter()
                await connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'commit')")
                took.append((time.perf_counter() - began) * 1000)
            return median(took)
        finally:
            await connection.close()

    return asyncio.run(timed())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
