"""Password hashes: argon2id (RFC 9106, second recommended option with one lane), in threads, few at once."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from xinglin.access.accounts.rules import PASSWORD_CHARACTERS_MAX
from xinglin.base.errors import TooMany

T = TypeVar("T")
AT_ONCE = 2
"""Hashes one process makes at a time: each takes a core and 64 MiB for about a tenth of a second."""
WAITING_MAX = 50
_LETTERS, _CAPITALS, _DIGITS = "abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"


class Passwords:
    """Makes and compares hashes. Beyond `WAITING_MAX` who wait: `TooMany`, so that signing in cannot starve the process."""

    def __init__(self, time_cost: int = 3, memory_kib: int = 64 * 1024) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """A new hash, with its salt and parameters in it."""
        return await self._in_turn(lambda: self._hasher.hash(_plain(password)))

    async def matches(self, password: str, hashed: str) -> bool:
        """Whether it is the password. Without a hash (nobody of that name) the answer takes as long, and is no."""
        found = await self._in_turn(lambda: self._compare(password, hashed))
        return found and bool(hashed)

    def _compare(self, password: str, hashed: str) -> bool:
        self._nobody = self._nobody or self._hasher.hash(secrets.token_hex(16))
        try:
            return self._hasher.verify(hashed or self._nobody, _plain(password))
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise TooMany("Too many people sign in at this moment; try again in a few seconds.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


OURS = Passwords()
"""One for the process, so that all of it waits in one line."""


def make_password() -> str:
    """A password to be given once and changed at first use: 14 characters without those easily mistaken for one another."""
    every = (_LETTERS, _CAPITALS, _DIGITS, "-")
    while True:
        word = "".join(secrets.choice(_LETTERS + _CAPITALS + _DIGITS) if n % 5 != 4 else "-" for n in range(14))
        if all(any(letter in letters for letter in word) for letters in every):
            return word


def _plain(password: str) -> str:
    return unicodedata.normalize("NFC", password[: 4 * PASSWORD_CHARACTERS_MAX])
