"""Who acts for whom in the demo region: the registrar has entered 刘丽 for her little son and for her grandfather, each with the proof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from xinglin.capabilities.guardianship import actions, queries, rules
from xinglin.capabilities.guardianship.model import Guardianship
from xinglin.capabilities.guardianship.rules import Paper
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.identity import RESIDENT_NUMBER
from xinglin.kit.stage import Stage

GUARDIAN, PHONE = "刘丽", "15400000058"
ENTRIES: Mapping[str, Mapping[str, str]] = {
    "陈小宝": {"kind": "parent", "proof": "birth", "proof_number": "T580123017"},
    "吴长根": {"kind": "guardian", "proof": "notarised", "proof_number": "（2025）杏溪证民字第58号"},
}
"""Ward -> what the form says of it."""
APPOINTED_DAYS, PROOF_DAYS = 700, 300


async def show(stage: Stage) -> None:
    """Enter them, or renew what another system wrote without a proof; what is whole stays."""
    if GUARDIAN not in stage.residents:
        return
    guardian = (await queries.everyone(await stage.unit_of("registrar")).read("Patient", stage.residents[GUARDIAN])).resource()
    for name, entry in ENTRIES.items():
        if name in stage.residents:
            await _enter(stage, stage.residents[name], guardian, entry)


async def _enter(stage: Stage, ward_id: str, guardian: Resource, entry: Mapping[str, str]) -> None:
    unit = await stage.unit_of("registrar")
    records = queries.everyone(unit)
    ward = await queries.ward(records, ward_id)
    number = next(one["value"] for one in guardian["identifier"] if one.get("system") == RESIDENT_NUMBER)
    standing = [acting.one for acting in await queries.guardians(unit, records, ward_id) if acting.state != "ended"]
    former: Guardianship | None = next((one for one in standing if one.number == number), None)
    if former is not None and former.proof is not None:
        return
    days = {
        "until": (stage.now + timedelta(days=APPOINTED_DAYS)).date().isoformat(),
        "proof_day": (stage.now - timedelta(days=PROOF_DAYS)).date().isoformat(),
    }
    form = {"name": GUARDIAN, "number": number, "phone": PHONE} | days | dict(entry)
    zone = ZoneInfo(stage.store.ground.settings.timezone)
    wanted, faults = rules.settle(form, ward, standing, stage.now, zone, former)
    assert wanted is not None, f"the form of the demo is right: {faults}"
    paper = Paper("application/pdf", "pdf", _picture(entry["proof"]))
    if former is None:
        await actions.appoint(unit, ward, wanted, paper)
    else:
        await actions.renew(unit, ward, former, wanted, paper)


def _picture(proof: str) -> bytes:
    """A PDF of one page that says it is a specimen."""
    said = f"BT /F1 20 Tf 60 760 Td (Specimen: {proof}, demo region) Tj ET".encode()
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(said), said),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    text, starts = b"%PDF-1.4\n", list[int]()
    for number, part in enumerate(parts, 1):
        starts.append(len(text))
        text += b"%d 0 obj%b endobj\n" % (number, part)
    index = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size, end = len(parts) + 1, len(text)
    text += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, index)
    return text + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, end)
