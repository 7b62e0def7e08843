"""What the institutions work with: devices with maker, serial number, place and the day their calibration is due. Makers are invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis.codes import OWN, Json, concept
from xinglin.engines.synthesis.ids import make_id

DEVICE, ASSET = OWN + "equipment-kind", OWN + "asset-number"
CALIBRATION = OWN + "extension:calibration-due"
_KINDS = {
    "ecg": ("心电图机", "东岭医疗", "DL-E12"), "ultrasound": ("超声诊断仪", "云屏医疗", "YP-U60"),
    "dr": ("数字化X线机（DR）", "东岭医疗", "DL-DR3"),
    "ct": ("CT机", "东岭医疗", "DL-CT64"), "mri": ("磁共振成像仪", "云屏医疗", "YP-M15"),
    "chemistry": ("生化分析仪", "杏溪仪器", "XX-B400"),
    "haematology": ("血细胞分析仪", "杏溪仪器", "XX-H5"), "urine": ("尿液分析仪", "杏溪仪器", "XX-N2"),
    "immunoassay": ("免疫分析仪", "杏溪仪器", "XX-I20"),
    "kit": ("健康一体机", "云屏医疗", "YP-K8"),
    "monitor": ("监护仪", "云屏医疗", "YP-J9"),
    "ventilator": ("呼吸机", "东岭医疗", "DL-V7"), "defibrillator": ("除颤仪", "东岭医疗", "DL-D2"),
    "ambulance": ("救护车", "东岭客车", "DL-A1"),
    "freezer": ("疫苗冷藏设备", "云屏冷链", "YP-F3"),
}  # fmt: skip
_HOUSES = {
    "hospital": (
        "ct:医学影像科 mri:医学影像科 dr:医学影像科 dr:医学影像科 ultrasound:医学影像科 ultrasound:医学影像科 ultrasound:妇产科 "
        "ecg:心血管内科 ecg:急诊医学科 ecg:全科医学科 chemistry:检验科 haematology:检验科 haematology:检验科 urine:检验科 "
        "immunoassay:检验科 monitor:急诊医学科 monitor:心血管内科 monitor:呼吸内科 ventilator:呼吸内科 "
        "ventilator:急诊医学科 defibrillator:急诊医学科 ambulance:急诊医学科 ambulance:急诊医学科"
    ),
    "tcm": "dr:检验科 ultrasound:检验科 ecg:中医内科 chemistry:检验科 haematology:检验科 urine:检验科",
    "maternal": "ultrasound:产科 ultrasound:孕产保健科 monitor:产科 ecg:妇科 chemistry:检验科 haematology:检验科",
    "cdc": "freezer:免疫规划科 freezer:免疫规划科 immunoassay:传染病防制科",
    "township": "dr:全科 ultrasound:全科 ecg:全科 chemistry:检验室 haematology:检验室 urine:检验室 freezer:预防接种门诊",
    "village": "kit:",
}


def equip(rng: Random, kind: str, house: Json, source: str, number: int, today: date) -> Iterator[Json]:
    """The devices of an institution (`house` refers to it), the `number`-th of the county."""
    for n, told in enumerate(_HOUSES.get(kind, "").split(), 1):
        what, _, place = told.partition(":")
        name, maker, model = _KINDS[what]
        due = today + timedelta(days=rng.randrange(-40, 330))
        yield {
            "resourceType": "Device",
            "id": make_id(rng),
            "meta": {"source": source},
            "extension": [{"url": CALIBRATION, "valueDate": due.isoformat()}],
            "identifier": [{"system": ASSET, "value": f"XX{number:03d}-{n:03d}"}],
            "status": "active",
            "manufacturer": maker,
            "serialNumber": f"{model.replace('-', '')}{rng.randrange(10**7):07d}",
            "deviceName": [{"name": name, "type": "user-friendly-name"}],
            "modelNumber": model,
            "type": concept(DEVICE, what, name),
            "owner": house,
            **({"location": {"display": place}} if place else {}),
        }
