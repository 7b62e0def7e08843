"""Xinglin (杏林): an open regional health platform on one FHIR R4 record store."""

__version__ = "0.1.0"
