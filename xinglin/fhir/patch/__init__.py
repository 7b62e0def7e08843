"""Patches: JSON Patch (RFC 6902), FHIRPath Patch (R4), JSON Merge Patch (RFC 7396).

Each gives a new resource; the old one is left as it was.
"""

from xinglin.fhir.patch.fhirpath_patch import apply_fhirpath_patch
from xinglin.fhir.patch.json_patch import apply_json_patch
from xinglin.fhir.patch.merge_patch import apply_merge_patch

__all__ = ["apply_fhirpath_patch", "apply_json_patch", "apply_merge_patch"]
