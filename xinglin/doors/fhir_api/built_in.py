"""The operations every installation has, by name. Capabilities bring the others."""

from __future__ import annotations

from collections.abc import Mapping

from xinglin.doors.fhir_api.bulk import export_group, export_patients, export_system
from xinglin.doors.fhir_api.bulk_import import import_ndjson
from xinglin.doors.fhir_api.everything import everything
from xinglin.doors.fhir_api.meta import meta_add, meta_delete, meta_of_many, meta_of_one
from xinglin.doors.fhir_api.operations import Action
from xinglin.doors.fhir_api.validating import validate_given, validate_stored

BUILT_IN: Mapping[str, tuple[Action, ...]] = {
    "everything": (Action(("instance",), everything, ("Patient",)),),
    "validate": (Action(("type",), validate_given, post_only=True), Action(("instance",), validate_stored)),
    "meta": (Action(("system", "type"), meta_of_many), Action(("instance",), meta_of_one)),
    "meta-add": (Action(("instance",), meta_add, post_only=True, writes=True),),
    "meta-delete": (Action(("instance",), meta_delete, post_only=True, writes=True),),
    "export": (
        Action(("system",), export_system),
        Action(("type",), export_patients, ("Patient",)),
        Action(("instance",), export_group, ("Group",)),
    ),
    "import": (Action(("system",), import_ndjson, post_only=True, writes=True),),
}
