"""Who may sign what, what a signature is told to prove, and the evidence a stranger can check. Pure."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from xinglin.base.clock import instant, tick_of
from xinglin.base.crypto import digest
from xinglin.base.crypto.certificates import Certificate
from xinglin.base.crypto.signatures import der_of
from xinglin.base.crypto.signed_message import SignedMessage
from xinglin.base.errors import Conflict, Forbidden, Invalid, Malformed
from xinglin.base.text import mask_name
from xinglin.capabilities.signature.model import AT_ONCE_MAX, ENDS_SOON_DAYS, KINDS, VERIFIES, Document, Held, Pick, State
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import Names, id_of, names_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.narrative import attached_text, plain_text
from xinglin.kit.person import name_of
from xinglin.kit.signing import AUTHOR, VERIFICATION, Verdict, canonical

_PICKED = re.compile(r"([A-Za-z]+)/([A-Za-z0-9.-]{1,64})")
SAID_MAX = 20_000
"""Characters of one thing a document says, on the page before signing."""
DIGESTS = {"sm4": "SM3", "aes": "SHA-256"}
ALGORITHMS = {"sm4": "SM2 + SM3 (GB/T 32918, GB/T 32905)", "aes": "ECDSA P-256 + SHA-256 (FIPS 186-5)"}
_OPENSSL = {"sm4": ("sm3", "-sigopt distid:1234567812345678", "-vfyopt distid:1234567812345678"), "aes": ("sha256", "", "")}

# --- who may sign what ---


def picks_of(form: Mapping[str, str]) -> tuple[Pick, ...]:
    """What was chosen: fields named `Type/id`, each the version that was seen. Raises `Malformed`."""
    found: list[Pick] = []
    for name, value in form.items():
        named = _PICKED.fullmatch(name)
        if named and named[1] in KINDS and value.isascii() and value.isdecimal() and len(value) < 10:
            found.append(Pick(named[1], named[2], int(value)))
    if not found:
        raise Malformed("Choose at least one document.")
    if len(found) > AT_ONCE_MAX:
        raise Malformed("Choose at most {most} documents at once.", most=AT_ONCE_MAX)
    return tuple(found)


def capacity(resource: Resource, own: Collection[str], role: str) -> str:
    """As what somebody may sign a resource: its author's signature or one who verified. `own`: references of the signer.

    Raises `Forbidden` for what is another's, `Invalid` for what is not finished.
    """
    type_ = resource["resourceType"]
    kind = KINDS.get(type_)
    if kind is None:
        raise Invalid("This kind of document is not signed.")
    if any(reference in own for reference in _answering(resource, kind.by)):
        found = AUTHOR
    elif type_ in VERIFIES.get(role, ()):
        found = VERIFICATION
    else:
        raise Forbidden("Only who wrote, performed or ordered this may sign it.")
    if resource.get("status") not in kind.finished or resource.get("docStatus") == "preliminary":
        raise Invalid("This is not finished, or was withdrawn. Finish it first, then sign it.")
    return found


def may_sign(resource: Resource, own: Collection[str], role: str) -> bool:
    """Whether somebody may sign it now."""
    try:
        capacity(resource, own, role)
    except (Forbidden, Invalid):
        return False
    return bool(patient_of(resource))


def _answering(resource: Resource, fields: Iterable[str]) -> Iterator[str]:
    for field in fields:
        value = resource.get(field, [])
        for one in value if isinstance(value, list) else [value]:
            yield one.get("party", one).get("reference", "")


def patient_of(resource: Resource) -> str:
    """The id of the patient it is about; "" for nobody."""
    about = resource.get("subject") or resource.get("patient") or {}
    return id_of(about) if about.get("reference", "").startswith("Patient/") else ""


# --- documents in words ---


def document_of(resource: Resource, patient: Resource | None, cipher: str) -> Document:
    """A document as the page before signing tells it; `patient`: whose, masked."""
    kind = KINDS[resource["resourceType"]]
    return Document(
        type=resource["resourceType"], id=resource["id"], version=int(resource["meta"]["versionId"]), kind=kind.title, icon=kind.icon,
        title=_title(resource), says=tuple(text if len(text) <= SAID_MAX else f"{text[:SAID_MAX]} …" for text in _says(resource) if text),
        time=next((resource[name] for name in kind.times if name in resource), ""),
        person=mask_name(name_of(patient)) if patient else "", person_id=patient_of(resource),
        digest=digest(canonical(resource), cipher).hex(),
    )  # fmt: skip


def _title(resource: Resource) -> Names:
    told = resource.get("title") or resource.get("description")
    drug = resource.get("medicationReference", {}).get("display", "")
    concept = resource.get("medicationCodeableConcept") or resource.get("code") or resource.get("type") or resource.get("scope")
    return (told,) if told else names_of(concept) or ((drug,) if drug else ())


def _says(resource: Resource) -> Iterator[str]:
    for dosage in resource.get("dosageInstruction", []):
        yield dosage.get("text", "")
    yield resource.get("conclusion", "")
    for section in resource.get("section", []):
        yield " ".join(filter(None, (section.get("title", ""), plain_text(section.get("text", {}).get("div", "")))))
    for one in [*(content.get("attachment", {}) for content in resource.get("content", [])), *resource.get("presentedForm", [])]:
        yield " ".join(filter(None, (one.get("title", ""), attached_text(one))))


# --- certificates ---


def held_of(certificate: Certificate, issuers: Sequence[Certificate], revoked_at: datetime | None, now: datetime, cipher: str) -> Held:
    """A certificate as its holder sees it."""
    days = (certificate.not_after - now).days
    ended = not certificate.holds_at(now)
    return Held(
        serial=f"{certificate.serial:x}", name=certificate.subject.get("name", ""), number=certificate.subject.get("number", ""),
        organization=certificate.subject.get("organization", ""),
        issuer=next((one.subject.get("name", "") for one in issuers if one.issued(certificate)), ""),
        begins=instant(tick_of(certificate.not_before)), ends=instant(tick_of(certificate.not_after)),
        fingerprint=paired(digest(certificate.der, cipher).hex()), algorithm=DIGESTS[cipher],
        state="revoked" if revoked_at else "expired" if ended else "ending" if days < ENDS_SOON_DAYS else "valid",
        days_left=max(days, 0), revoked_at=instant(tick_of(revoked_at)) if revoked_at else "",
    )  # fmt: skip


def issuer_of(authority: Certificate, trusted: Sequence[Certificate], at: datetime, cipher: str) -> Held:
    """An authority as shown. `fingerprint`: of its key, which stays when its certificate is made anew."""
    held = held_of(authority, trusted, None, at, cipher)
    return replace(held, fingerprint=paired(digest(der_of(authority.public), cipher).hex()))


def paired(hexadecimal: str) -> str:
    """A fingerprint as people compare it: `AB:CD:…`."""
    return ":".join(hexadecimal[at : at + 2] for at in range(0, len(hexadecimal), 2)).upper()


def check_renewable(newest: Held | None) -> None:
    """Raise `Conflict` while there is a certificate that goes on."""
    if newest is not None and newest.state == "valid":
        raise Conflict("Your certificate is valid until {day}. It can be renewed in its last 30 days.", day=newest.ends[:10])


# --- signatures ---


def state_of(verdict: Verdict) -> State:
    """What a signature proves, the worst first."""
    if verdict.integrity == "altered":
        return "altered"
    if verdict.standing != "valid":
        return verdict.standing
    if verdict.integrity == "missing":
        return "missing"
    return "intact" if verdict.integrity == "unchanged" else "changed"


def answer_of(verdict: Verdict, message: SignedMessage) -> Resource:
    """A verdict as `Parameters`, the answer of `$verify-signature`."""
    parts: list[Resource] = [
        {"name": "result", "valueBoolean": verdict.holds},
        {"name": "state", "valueCode": state_of(verdict)},
        {"name": "integrity", "valueCode": verdict.integrity},
        {"name": "certificate", "valueCode": verdict.standing},
        {"name": "signer", "valueReference": {"reference": verdict.reference, "display": verdict.name}},
        {"name": "time", "valueInstant": instant(tick_of(verdict.at))},
        {"name": "algorithm", "valueString": ALGORITHMS[message.cipher]},
        {"name": "serial", "valueString": f"{message.certificate.serial:x}"},
        {"name": "version", "valueString": str(verdict.version)},
    ]
    if organization := message.certificate.subject.get("organization"):
        parts.append({"name": "organization", "valueString": organization})
    if verdict.present is not None:
        parts.append({"name": "present-version", "valueString": str(verdict.present)})
    if verdict.revoked_at is not None:
        parts.append({"name": "revoked", "valueInstant": instant(tick_of(verdict.revoked_at))})
    return {"resourceType": "Parameters", "parameter": parts}


# --- evidence ---

README = (
    t("Evidence of an electronic signature. It can be checked without this platform, with OpenSSL 3.0 or newer:"),
    t("1. The fingerprint of the document:"),
    t("2. The signed attributes hold this fingerprint (OCTET STRING) and the time (UTCTIME):"),
    t("3. The signer's key signed these attributes:"),
    t("4. The authority issued the signer's certificate, and it was valid at that time:"),
    t("Get authority.pem from the authority itself if you do not trust who gave you this, and ask it whether the certificate was revoked."),
)


def commands(message: SignedMessage) -> tuple[str, ...]:
    """The commands that check the evidence, one for each step of `README`; source: openssl(1), dgst, asn1parse, verify."""
    name, signing, verifying = _OPENSSL[message.cipher]
    at = int(message.at.timestamp())
    return (
        f"openssl dgst -{name} document.json",
        "openssl asn1parse -inform DER -in attributes.der",
        "openssl x509 -in signer.pem -pubkey -noout -out signer.pub"
        f" && openssl dgst -{name} {signing} -verify signer.pub -signature signature.der attributes.der".replace("  ", " "),
        f"openssl verify {verifying} -attime {at} -CAfile authority.pem signer.pem".replace("  ", " "),
    )


def readme(message: SignedMessage) -> tuple[Phrase | str, ...]:
    """The lines of the file that explains the others."""
    first, *steps, last = README
    lines: list[Phrase | str] = [first, ""]
    for step, command in zip(steps, commands(message), strict=True):
        lines += [step, f"    {command}", ""]
    return (*lines, last)


def evidence(document: bytes, message: SignedMessage, whole: bytes, trusted: Iterable[Certificate], explained: str) -> bytes:
    """A zip of the signed bytes, the signature as it was given and in its parts, the certificates, and how to check them."""
    authorities = "".join(one.pem for one in trusted if one.issued(message.certificate))
    files = {
        "README.txt": explained.encode(),
        "document.json": document,
        "signature.p7s": whole,
        "attributes.der": message.attributes,
        "signature.der": message.signature,
        "signer.pem": message.certificate.pem.encode(),
        "authority.pem": authorities.encode(),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name, message.at.timetuple()[:6]), content)
    return made.getvalue()
