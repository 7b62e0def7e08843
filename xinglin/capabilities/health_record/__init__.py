"""The health record of one resident, across institutions and years: find the resident, open the record, read each document.

Answers S-EHR (residents' electronic health records, browsing and calling up). Reads only: what is recorded comes in by the
FHIR door, the import or other capabilities.
"""
