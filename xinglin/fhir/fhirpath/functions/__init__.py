"""The functions of FHIRPath by name: those of a collection alone, and those with arguments."""

from __future__ import annotations

from collections.abc import Callable

from xinglin.fhir.fhirpath.functions import collections, conversions, elements, numbers, texts
from xinglin.fhir.fhirpath.functions.conversions import system_type
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.values import Items

__all__ = ["DIRECT", "PLAIN", "Plain", "system_type"]

DIRECT: dict[str, Callable[[Items], Items]] = {
    **collections.DIRECT,
    **conversions.DIRECT,
    **numbers.DIRECT,
    **texts.DIRECT,
    **elements.DIRECT,
}
"""Functions without arguments that need nothing but the collection."""

PLAIN: dict[str, Plain] = {**collections.PLAIN, **conversions.PLAIN, **numbers.PLAIN, **texts.PLAIN, **elements.PLAIN}
"""Functions whose arguments are worked out once, before the call."""
