"""Whom a search may see. The predicate is part of every query, never a filter over its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Scope:
    """The patients whose records may be read, as numbers; None = all. What belongs to no patient's compartment is not limited by it."""

    patients: tuple[int, ...] | None = None

    @classmethod
    def everyone(cls) -> Self:
        """No limit."""
        return cls(None)

    def sees(self, patient: int) -> bool:
        """Whether one row of a patient type may be read."""
        return self.patients is None or patient in self.patients
