"""Floor 1: FHIR R4 as data. Pure: no input or output beyond reading the committed tables."""
