"""Gateways to the world outside: each a `Protocol`, the real adapter, and a faithful simulator that ships with the platform."""
