"""Terminology in memory: code systems, value sets and concept maps, and the R4 operations over them. Pure: no I/O."""

from xinglin.fhir.terminology.operations import expand, lookup, subsumes, translate
from xinglin.fhir.terminology.registry import Terminology
from xinglin.fhir.terminology.validation import (
    validate_code_in_system,
    validate_code_in_value_set,
)

__all__ = [
    "Terminology",
    "expand",
    "lookup",
    "subsumes",
    "translate",
    "validate_code_in_system",
    "validate_code_in_value_set",
]
