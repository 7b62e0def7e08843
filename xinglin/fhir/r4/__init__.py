"""The R4 4.0.1 definitions as compact tables. Made by `generate.py` from the published definitions; read by `fhir.definitions`."""
