"""What an expression may cost, and the error of an expression that is wrong or costs more."""

from __future__ import annotations

from xinglin.base.errors import XinglinError

LENGTH_MAX = 20_000
"""Characters of an expression."""
DEPTH_MAX = 250
"""Levels of an expression's tree: operators, and steps of one path."""
NESTED_MAX = 50
"""Brackets within brackets."""
NODES_MAX = 1_000_000
"""Elements one evaluation may look at in filters, projections, unions and walks."""
TEXT_MAX = 1_000_000
"""Characters of a text an expression may make."""
PATTERN_MAX = 2_000
"""Characters of a regular expression."""


class PathError(XinglinError):
    """The FHIRPath expression is wrong, does not fit the data, or costs more than its limits."""
