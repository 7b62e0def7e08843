"""What a verification finds, in words: each fault names the row or the seal, its time, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from xinglin.base.clock import instant
from xinglin.store.ledger.heads import Head

FAULTS_MAX = 1000
"""So many faults are named one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `kind`: changed, removed, inserted, reordered (rows); seal, head; witness; archive. `seal`, `row`: numbers, 0 for none."""

    kind: str
    text: str
    seal: int = 0
    row: int = 0
    at: int | None = None

    def __str__(self) -> str:
        """One line for a person."""
        about = f"Row {self.row}" if self.row else f"Seal {self.seal}" if self.seal else self.kind.capitalize()
        when = f" ({instant(self.at)})" if self.at is not None else ""
        within = f", seal {self.seal}" if self.row and self.seal else ""
        return f"{about}{when}{within}: {self.text}"


@dataclass(slots=True)
class Report:
    """What was verified, and what was found. `archived`: rows that lie in archives; `unchecked`: those whose archive was not at hand.

    `unsealed`: rows not sealed yet; `head`: the last one, whose word the whole stands on; `notes`: what is no fault but should be known.
    """

    seals: int = 0
    rows: int = 0
    archived: int = 0
    unchecked: int = 0
    unsealed: int = 0
    head: Head | None = None
    faults: list[Fault] = field(default_factory=list[Fault])
    count: int = 0
    notes: list[str] = field(default_factory=list[str])

    def add(self, fault: Fault) -> None:
        """One more fault."""
        self.count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.count
