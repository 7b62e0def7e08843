"""Settings of the embedded server, scaled to the memory of the machine (or of the container it runs in)."""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB
CONNECTIONS_MAX = 100
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_bytes() -> int:
    """The memory this machine or container has, whichever is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in _CGROUP_LIMITS:
        try:
            total = min(total, int(file.read_text()))
        except (OSError, ValueError):  # no such limit here, or the word "max"
            continue
    return total


def configuration(memory: int, socket_folder: Path, log_folder: Path) -> str:
    """The text of postgresql.conf: durable, private (socket only), and no row values in the log."""
    sized = {
        "shared_buffers": _between(memory // 8, 32 * MIB, 8 * GIB),
        "effective_cache_size": _between(memory * 5 // 8, 128 * MIB, 256 * GIB),
        "work_mem": _between(memory // 256, 4 * MIB, 64 * MIB),
        "maintenance_work_mem": _between(memory // 16, 32 * MIB, GIB),
        "max_wal_size": _between(memory // 3, 512 * MIB, 8 * GIB),
        "min_wal_size": _between(memory // 24, 80 * MIB, GIB),
    }
    lines = [f"{name} = '{size // MIB}MB'" for name, size in sized.items()]
    lines += [f"{name} = '{value}'" for name, value in _FIXED.items()]
    lines += [f"unix_socket_directories = {_quoted(socket_folder)}", f"log_directory = {_quoted(log_folder)}"]
    return "\n".join(["# Written at every start: changes made here are lost.", *sorted(lines), ""])


ACCESS_RULES = "# Only the owner of the socket's folder can reach it.\nlocal all all trust\n"
"""The text of pg_hba.conf."""

_FIXED = {
    "listen_addresses": "",
    "max_connections": str(CONNECTIONS_MAX),
    "unix_socket_permissions": "0700",
    # durable: an acknowledged write survives the death of any process and of the machine
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "pglz",
    "checkpoint_timeout": "15min",
    # measured for the record store
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "gin_pending_list_limit": "512kB",
    "autovacuum_naptime": "20s",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    # no DETAIL, no CONTEXT, no statement, no parameter: they would carry values of the record
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
}


def _between(size: int, least: int, most: int) -> int:
    return max(least, min(size, most))


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
