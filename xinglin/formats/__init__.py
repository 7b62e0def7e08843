"""Floor 2: other formats of health data to and from FHIR. Pure: text in, resources out."""
