"""A capability with one form, so that what every form does can be tried: it stands in no menu and keeps nothing."""

from __future__ import annotations

from pathlib import Path

from xinglin.kit.capability import Capability
from xinglin.kit.i18n import t
from xinglin.kit.pages import Moved, Page, Request, Shown
from xinglin.kit.unit import Unit

FOLDER = Path(__file__).parent
PRESSURE_MAX = 300


async def _show(_unit: Unit, _request: Request) -> Shown:
    return Shown("sample/sample.html", {"typed": {}, "error": ""})


async def _take(_unit: Unit, request: Request) -> Shown | Moved:
    pressure = request.form.get("pressure", "")
    if not pressure.isdigit() or int(pressure) > PRESSURE_MAX:
        return Shown("sample/sample.html", {"typed": request.form, "error": "血压超出可能范围"}, 422)
    return Moved("/person")


CAPABILITY = Capability(t("Health record"), pages=(Page("GET", "/sample", _show), Page("POST", "/sample", _take)))
