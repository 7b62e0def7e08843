"""The FHIR R4 door, base path `/fhir`: every interaction of http.html over the record store. It knows no capability by name."""

from xinglin.doors.fhir_api.bearer import Access, BearerAccess
from xinglin.doors.fhir_api.call import Jobs, JobStatus
from xinglin.doors.fhir_api.door import BASE, FhirDoor, Store

__all__ = ["BASE", "Access", "BearerAccess", "FhirDoor", "JobStatus", "Jobs", "Store"]
