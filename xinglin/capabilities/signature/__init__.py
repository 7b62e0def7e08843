"""Signatures on documents and prescriptions: one's certificate, signing one version or several, and what a signature proves to anyone.

Answers S-CA (electronic authentication: who signed, when, and that nothing changed since). Only digests leave the house: keys are the
certification authority's affair (`kit/gateways/ca.py`), what is signed is the canonical JSON of a version (`kit/signing.py`).
"""
