"""Measurements. `python -m bench` measures every claim in one run; the other scripts look closer at one engine each."""
