"""Floor 0: clock, ids, errors, settings, text, national ids, crypto. Knows nothing of FHIR or of the store."""
