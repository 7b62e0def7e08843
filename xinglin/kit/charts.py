"""Small drawings made on the server: points of a line that fits a box. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

POINTS_MAX = 40


def spark_points(values: Sequence[Decimal | None], width: int = 80, height: int = 20) -> str:
    """SVG polyline points of the newest values, left to right; "" when fewer than two are numbers."""
    numbers = [float(value) for value in values if value is not None][-POINTS_MAX:]
    if len(numbers) < 2:
        return ""
    low, span = min(numbers), max(numbers) - min(numbers)
    step = (width - 4) / (len(numbers) - 1)
    rise = height - 4
    return " ".join(
        f"{2 + place * step:.1f},{(2 + rise - (number - low) / span * rise) if span else height / 2:.1f}"
        for place, number in enumerate(numbers)
    )
