"""The table of contents of terminology."""

from __future__ import annotations

from xinglin.capabilities.terminology import operations
from xinglin.capabilities.terminology.queries import Following
from xinglin.kit.capability import Capability, Operation
from xinglin.kit.i18n import t

CAPABILITY = Capability(
    title=t("Terminology"),
    systems=("S-STD",),
    terminology=Following,
    operations=(
        Operation("lookup", ("type",), ("CodeSystem",), operations.lookup),
        Operation("subsumes", ("type", "instance"), ("CodeSystem",), operations.subsumes),
        Operation("validate-code", ("type", "instance"), ("CodeSystem", "ValueSet"), operations.validate_code),
        Operation("expand", ("type", "instance"), ("ValueSet",), operations.expand),
        Operation("translate", ("type", "instance"), ("ConceptMap",), operations.translate),
    ),
)
