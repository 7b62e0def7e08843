"""Measurements: one script for each claim."""
