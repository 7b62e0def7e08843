"""How pressure and sugar run under treatment: from where they began towards their goal, fast at first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import exp

_GOAL = (131, 79)


@dataclass(frozen=True, slots=True)
class Course:
    """How a resident's pressure and sugar run: where they began, where treatment takes them, how far it does."""

    systolic: float
    diastolic: float
    pressure_control: float
    glucose: float
    sugar_control: float
    began: date

    def at(self, day: date) -> tuple[float, float, float]:
        """Expected systolic, diastolic (mmHg) and fasting glucose (mmol/L) on a day."""
        effect = 1 - exp(-max(0, (day - self.began).days) / 130)
        fall = effect * self.pressure_control
        return (
            self.systolic - (self.systolic - _GOAL[0]) * fall,
            self.diastolic - (self.diastolic - _GOAL[1]) * fall,
            self.glucose - (self.glucose - 6.4) * effect * self.sugar_control,
        )
