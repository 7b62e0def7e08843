"""Sealed backups: one file that holds the database as it was at one moment and the files beside it, and opens only with the keys."""

from xinglin.store.backups.making import make
from xinglin.store.backups.restoring import restore
from xinglin.store.backups.sealed import Manifest, Member, verified
from xinglin.store.backups.tools import Tools, tools_for

__all__ = ["Manifest", "Member", "Tools", "make", "restore", "tools_for", "verified"]
