"""Wards: the places of a hospital's departments with beds. Who works in such a department works on its ward."""

from __future__ import annotations

from collections.abc import Mapping

from xinglin.engines.synthesis.codes import HL7, Json, concept
from xinglin.engines.synthesis.ids import luck, make_id

BEDDED = {
    "hospital": "心血管内科 呼吸内科 神经内科 内分泌科 消化内科 普通外科 骨科 妇产科 儿科".split(),
    "tcm": "中医内科 针灸科 中医骨伤科 康复科".split(),
    "maternal": "妇科 产科".split(),
}
"""Kind of institution -> departments with a ward."""


def wards_of(kind: str, house: str, name: str) -> Mapping[str, Json]:
    """Department -> reference to its ward, of an institution with an id and a name."""
    return {
        department: {"reference": f"Location/{make_id(luck(0, f'ward/{house}/{department}'))}", "display": f"{name}{department}病区"}
        for department in BEDDED.get(kind, ())
    }


def locations(wards: Mapping[str, Json], house: Json, building: Json, source: str) -> list[Json]:
    """The wards as places within a building."""
    return [
        {
            "resourceType": "Location",
            "id": ward["reference"].partition("/")[2],
            "meta": {"source": source},
            "status": "active",
            "name": ward["display"],
            "mode": "instance",
            "physicalType": concept(HL7 + "location-physical-type", "wa", "病区"),
            "managingOrganization": house,
            "partOf": building,
        }
        for ward in wards.values()
    ]
