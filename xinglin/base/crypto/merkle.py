"""Merkle trees: one root for many texts, and short proofs that a text is among them, and that a tree only ever grew.

Pure functions over a hash. Source: RFC 9162 (Certificate Transparency 2.0), section 2.1; its hash may be any, ours is SM3 or SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import hashes

Digest = Callable[[bytes], bytes]
"""A hash function: 32 bytes of any bytes."""
Path = tuple[bytes, ...]
"""The hashes of a proof, or of a frontier."""


def _sm3(data: bytes) -> bytes:
    hashing = hashes.Hash(hashes.SM3())
    hashing.update(data)
    return hashing.finalize()


def _quick_sm3() -> Digest:
    """SM3 of Python's own OpenSSL where it has it: half the cost of a call through `cryptography`."""
    if "sm3" not in hashlib.algorithms_available:
        return _sm3
    begun = hashlib.new("sm3")

    def digest(data: bytes) -> bytes:
        hashing = begun.copy()
        hashing.update(data)
        return hashing.digest()

    return digest


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


_DIGESTS: dict[str, Digest] = {"sm3": _quick_sm3(), "sha256": _sha256}


def digest_of(suite: str) -> Digest:
    """The hash of a suite: `sm3` (GB/T 32905) or `sha256`."""
    found = _DIGESTS.get(suite)
    if found is None:
        raise ValueError(f"unknown hash {suite!r}: sm3 or sha256")
    return found


def leaf_of(digest: Digest, text: bytes) -> bytes:
    """The hash of one text; the byte before it keeps it apart from a node's."""
    return digest(b"\x00" + text)


def root_of(digest: Digest, leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of none, the hash of nothing."""
    level = list(leaves)
    if not level:
        return digest(b"")
    while len(level) > 1:  # an odd last one goes up as it is: the same tree as splitting at the largest power of two
        joined = [digest(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*joined, level[-1]] if len(level) % 2 else joined
    return level[0]


# --- a tree that grows ---


def grown(digest: Digest, frontier: Path, size: int, leaf: bytes) -> Path:
    """The frontier of a tree of `size` leaves with one more: the roots of its full subtrees, the largest first."""
    full = list(frontier)
    while size & 1:
        leaf = digest(b"\x01" + full.pop() + leaf)
        size >>= 1
    return (*full, leaf)


def root_of_frontier(digest: Digest, frontier: Path) -> bytes:
    """The root of the tree a frontier stands for."""
    if not frontier:
        return digest(b"")
    root = frontier[-1]
    for left in reversed(frontier[:-1]):
        root = digest(b"\x01" + left + root)
    return root


# --- proofs ---


def inclusion(digest: Digest, leaves: Sequence[bytes], place: int) -> Path:
    """The proof that the leaf at a place is in the tree (RFC 9162, 2.1.3.1): its neighbours on the way up."""
    if not 0 <= place < len(leaves):
        raise ValueError(f"there is no leaf {place} among {len(leaves)}")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if place < split:
        return (*inclusion(digest, leaves[:split], place), root_of(digest, leaves[split:]))
    return (*inclusion(digest, leaves[split:], place - split), root_of(digest, leaves[:split]))


def includes(digest: Digest, leaf: bytes, place: int, size: int, proof: Path, root: bytes) -> bool:
    """Whether a proof leads from a leaf at a place to the root of a tree of `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= place < size:
        return False
    here, last, node = place, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = digest(b"\x01" + beside + node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = digest(b"\x01" + node + beside)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def consistency(digest: Digest, leaves: Sequence[bytes], first: int) -> Path:
    """The proof that the tree of all leaves began as the tree of the `first` ones (RFC 9162, 2.1.4.1)."""
    if not 0 < first <= len(leaves):
        raise ValueError(f"there is no tree of {first} among {len(leaves)}")
    return _subproof(digest, leaves, first, whole=True)


def _subproof(digest: Digest, leaves: Sequence[bytes], first: int, *, whole: bool) -> Path:
    if first == len(leaves):
        return () if whole else (root_of(digest, leaves),)
    split = _split(len(leaves))
    if first <= split:
        return (*_subproof(digest, leaves[:split], first, whole=whole), root_of(digest, leaves[split:]))
    return (*_subproof(digest, leaves[split:], first - split, whole=False), root_of(digest, leaves[:split]))


def consistent(digest: Digest, first: int, first_root: bytes, second: int, second_root: bytes, proof: Path) -> bool:
    """Whether a proof shows that the tree of `second` leaves began as that of `first` (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = proof if first & (first - 1) else (first_root, *proof)
    if not path:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for beside in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = digest(b"\x01" + beside + old), digest(b"\x01" + beside + new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = digest(b"\x01" + new + beside)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)
