"""JSON's types as decoding makes them, typed Any: a check against them must not narrow a value to a dict of unknowns."""

from __future__ import annotations

from typing import Any

OBJECT: Any = dict
ARRAY: Any = list
