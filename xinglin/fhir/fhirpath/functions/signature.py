"""How a function with arguments is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xinglin.fhir.fhirpath.values import Items


@dataclass(frozen=True, slots=True)
class Plain:
    """`run(env, items, *arguments)`, each argument a collection; from `least` to `most` arguments."""

    run: Callable[..., Items]
    least: int
    most: int
