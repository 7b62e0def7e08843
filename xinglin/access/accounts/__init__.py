"""Accounts and signing in: who may come in, with what proof, in which hat, and for how long.

`rules`, `model` and `factors` are values; `register`, `sessions`, `attempts` keep them as papers; `Entrance` does the deeds for a door.
"""

from xinglin.access.accounts.entrance import Entrance
from xinglin.access.accounts.model import Account, Hat, Proof, Session
from xinglin.access.accounts.register import Register
from xinglin.access.accounts.sessions import Live, Sessions, StepUp

__all__ = ["Account", "Entrance", "Hat", "Live", "Proof", "Register", "Session", "Sessions", "StepUp"]
