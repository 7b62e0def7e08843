"""What the record takes: disk for each resource, and memory of an API process after the work of this run."""

from __future__ import annotations

from bench.home import Contents, Memory
from bench.table import Report

DISK_BAR_KB = 0.7
MEMORY_BAR_MB = 300


def disk(report: Report, contents: Contents) -> None:
    """Disk of one loaded home: the database after a checkpoint, less an empty one, the audit trail apart."""
    kb, json_kb = contents.disk_bytes / 1000, contents.json_bytes / contents.resources / 1000
    report.add(
        part="disk",
        what=f"disk per resource, {contents.resources:,} resources",
        figure=kb,
        unit="kB",
        bar=f"<= {DISK_BAR_KB}",
        met=kb <= DISK_BAR_KB,
        baseline="the same as NDJSON",
        baseline_figure=json_kb,
        ratio=kb / json_kb,
        note=f"{contents.full_bytes / 1e6:,.0f} MB, of which {contents.empty_bytes / 1e6:.0f} MB when empty; loaded {contents.made_at}",
    )


def memory(report: Report, ours: dict[str, list[Memory]], bare: list[Memory]) -> None:
    """Memory of the largest API process; `ours` by what the server had done."""
    rows = {name: max(found, key=lambda one: one.rss_mb) for name, found in ours.items() if found}
    most = max(rows.values(), key=lambda one: one.rss_mb)
    least = max(bare, key=lambda one: one.rss_mb) if bare else None
    note = "; ".join(f"after {name}: {one.rss_mb:.0f} MB RSS, {one.pss_mb:.0f} PSS" for name, one in rows.items())
    for name, figure, base in (("RSS", most.rss_mb, least and least.rss_mb), ("PSS", most.pss_mb, least and least.pss_mb)):
        barred = name == "RSS"
        report.add(
            part="memory",
            what=f"memory of one API process, {name}",
            figure=figure,
            unit="MB",
            bar=f"<= {MEMORY_BAR_MB}" if barred else "",
            met=figure <= MEMORY_BAR_MB if barred else None,
            baseline="bare handler",
            baseline_figure=base,
            ratio=figure / base if base else None,
            note=note if barred else "",
        )
