"""Makes `ucum_units.tsv` from the unit definitions of the npm package `@lhncbc/ucum-lhc` (UCUM 2.1). Run at development time; committed.

    npm pack @lhncbc/ucum-lhc && tar xzf lhncbc-ucum-lhc-*.tgz
    python -m xinglin.fhir.ucum_generate package/data/ucumDefs.min.json

A row: code, `m` when it takes prefixes, factor, defining unit. A unit without a defining unit is a dimension of its own: the seven
base units, arbitrary units ([iU]: UCUM says they are comparable only with themselves) and logarithmic scales (pH, B, Np).
This product includes all or a portion of the UCUM table, copyright Regenstrief Institute and the UCUM Organization
(https://ucum.org/license); the factors here are as published there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "ucum_units.tsv"
LINEAR_SPECIAL = {"Cel": "K", "[degF]": "K", "[degRe]": "K"}  # scales with an offset, which `ucum` knows

ERRATA = {"[mu_0]": ("4", "[pi].10*-7.N/A2"), "Oe": ("250", "/[pi].A/m"), "[S]": ("1", "10*-13.s")}  # lost in the package


def main(source: Path) -> None:
    """Write the table."""
    units: dict[str, list[Any]] = json.loads(source.read_text("utf-8"))["units"]
    names = ["dim_" if "dim_" in name else name for name in units["config"]]
    rows = {row[0]: "\t".join(row) for row in (_row(dict(zip(names, unit, strict=True))) for unit in units["data"]) if row}
    TABLE.write_text("\n".join(rows[code] for code in sorted(rows)) + "\n", "utf-8")


def _row(unit: dict[str, Any]) -> tuple[str, str, str, str] | None:
    code = unit["csCode_"]
    if unit["source_"] != "UCUM" or unit["class_"] == "LOINC" or not code or code[0].isdigit():
        return None
    metric = "m" if unit["isMetric_"] or unit["isBase_"] else ""
    if code in ERRATA:
        return (code, metric, *ERRATA[code])
    if unit["isSpecial_"]:
        return (code, metric, "1", LINEAR_SPECIAL.get(code, ""))
    if unit["isBase_"] or (unit["isArbitrary_"] and unit["csUnitString_"] in (None, "1")):
        return (code, metric, "1", "")
    return (code, metric, str(unit["baseFactorStr_"] or unit["baseFactor_"] or 1).replace(" ", ""), unit["csUnitString_"] or "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
