"""The Merkle tree is that of RFC 9162: checked against its definition written out, and proofs that prove nothing false."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinglin.base.crypto.merkle import consistency, consistent, digest_of, grown, includes, inclusion, leaf_of, root_of, root_of_frontier

SHA256 = digest_of("sha256")
TEXTS = st.lists(st.binary(max_size=6), min_size=1, max_size=40)


def by_definition(texts: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not texts:
        return hashlib.sha256().digest()
    if len(texts) == 1:
        return hashlib.sha256(b"\x00" + texts[0]).digest()
    k = 1
    while k * 2 < len(texts):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(texts[:k]) + by_definition(texts[k:])).digest()


def leaves_of(texts: list[bytes]) -> list[bytes]:
    return [leaf_of(SHA256, text) for text in texts]


@given(TEXTS)
def test_the_root_is_that_of_the_definition_however_it_is_made(texts: list[bytes]) -> None:
    leaves, frontier = leaves_of(texts), ()
    for size, leaf in enumerate(leaves):
        frontier = grown(SHA256, frontier, size, leaf)
        assert len(frontier) == (size + 1).bit_count()
    assert root_of(SHA256, leaves) == root_of_frontier(SHA256, frontier) == by_definition(texts)


def test_a_tree_of_nothing_has_the_hash_of_nothing() -> None:
    assert root_of(SHA256, []) == root_of_frontier(SHA256, ()) == by_definition([])


@given(TEXTS, st.data())
def test_a_text_is_proved_to_be_in_the_tree_at_its_place_and_at_no_other(texts: list[bytes], data: st.DataObject) -> None:
    leaves = leaves_of(texts)
    root, place = root_of(SHA256, leaves), data.draw(st.integers(0, len(texts) - 1))
    proof = inclusion(SHA256, leaves, place)
    assert len(proof) <= (len(texts) - 1).bit_length()
    assert includes(SHA256, leaves[place], place, len(texts), proof, root)
    assert not includes(SHA256, leaf_of(SHA256, b"another text"), place, len(texts), proof, root)
    assert not includes(SHA256, leaves[place], len(texts), len(texts), proof, root)
    assert not includes(SHA256, leaves[place], place, len(texts), (*proof, root), root)
    if proof:
        assert not includes(SHA256, leaves[place], place, len(texts), proof[:-1], root)
        assert not includes(SHA256, leaves[place], place, len(texts), (bytes(32), *proof[1:]), root)


@given(TEXTS, st.data())
def test_a_tree_is_proved_to_be_the_beginning_of_a_later_one(texts: list[bytes], data: st.DataObject) -> None:
    leaves = leaves_of(texts)
    first = data.draw(st.integers(1, len(texts)))
    early, late = root_of(SHA256, leaves[:first]), root_of(SHA256, leaves)
    proof = consistency(SHA256, leaves, first)
    assert consistent(SHA256, first, early, len(texts), late, proof)
    assert not consistent(SHA256, first, bytes(32), len(texts), late, proof)
    assert not consistent(SHA256, first, early, len(texts), bytes(32), proof)
    assert not consistent(SHA256, first, early, len(texts), late, (*proof, late))
    assert not consistent(SHA256, 0, early, len(texts), late, proof)


@given(TEXTS, st.data())
def test_a_rewritten_past_has_no_proof(texts: list[bytes], data: st.DataObject) -> None:
    leaves = leaves_of(texts)
    first = data.draw(st.integers(1, len(texts)))
    other = list(leaves)
    other[data.draw(st.integers(0, first - 1))] = leaf_of(SHA256, b"another text")
    proof = consistency(SHA256, other, first)
    assert not consistent(SHA256, first, root_of(SHA256, leaves[:first]), len(texts), root_of(SHA256, other), proof)


def test_what_is_not_there_has_no_proof() -> None:
    with pytest.raises(ValueError, match="no leaf 1"):
        inclusion(SHA256, leaves_of([b"one"]), 1)
    with pytest.raises(ValueError, match="no tree of 2"):
        consistency(SHA256, leaves_of([b"one"]), 2)


def test_sm3_is_that_of_the_standard() -> None:
    """GB/T 32905-2016, appendix A, both examples."""
    sm3 = digest_of("sm3")
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_another_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="md5"):
        digest_of("md5")
