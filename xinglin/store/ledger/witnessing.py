"""Being the witness of another ledger: look at its head, see that it only grew since the last one seen, and sign that."""

from __future__ import annotations

import msgspec

from xinglin.base.clock import instant
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Conflict, Malformed
from xinglin.store.ledger.heads import Exported, Witness, grew, witness_statement


def witnessed(head: Exported, former: Exported | None, signer: Signer, name: str, now_us: int, *, new_key: bool = False) -> Exported:
    """The head with our signature. `former`: the last one signed here, None for the first; `new_key`: another signing key is expected.

    Raises `Conflict` when it is not genuine or the ledger's past was rewritten, `Malformed` when the proof is missing.
    """
    if not head.genuine:
        raise Conflict("This head is not signed by the key it names: it was changed on the way.")
    if former is not None:
        _require_grown(head, former, new_key=new_key)
    at = instant(now_us)
    signature = signer.sign(witness_statement(head.head, name, at))
    word = Witness(name=name, at=at, public=signer.public, signature=signature.hex())
    return msgspec.structs.replace(head, witnesses=(*head.witnesses, word))


def _require_grown(head: Exported, former: Exported, *, new_key: bool) -> None:
    if head.ledger != former.ledger or head.suite != former.suite:
        raise Conflict("This is the head of another ledger than the one seen before.")
    if head.public != former.public and not new_key:
        raise Conflict("This head is signed with another key than the one seen before; ask its owner, then allow the new key.")
    if head.seals < former.seals:
        raise Conflict("This head has fewer seals than the one seen before: {now} after {before}.", now=head.seals, before=former.seals)
    if former.seals not in (head.seals, head.since):
        raise Malformed("This head carries no proof since {seals} seals; have it exported with --since {seals}.", seals=former.seals)
    if not grew(former, head):
        raise Conflict("The ledger did not only grow since the head seen before: its past was rewritten.")
