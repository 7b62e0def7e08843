"""Chance and ids, from the seed."""

from __future__ import annotations

from random import Random


def make_id(rng: Random) -> str:
    """A UUID of version 8 (RFC 9562: of our own making)."""
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-a{h[17:20]}-{h[20:]}"


def luck(seed: int, of: str) -> Random:
    """A generator of its own for something named, so that the parts of the county do not disturb each other."""
    return Random(f"{seed}/{of}")  # noqa: S311 - invented people need no secrets
