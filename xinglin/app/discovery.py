"""Which capabilities there are: every package under `xinglin.capabilities` with a `capability.py`. Adding one edits nothing else."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

from xinglin import capabilities
from xinglin.kit.capability import Capabilities, Capability


def discover() -> Capabilities:
    """Folder name -> its CAPABILITY, sorted by name. A folder without one is a mistake and raises ImportError or AttributeError."""
    names = sorted(found.name for found in pkgutil.iter_modules(capabilities.__path__) if found.ispkg)
    return {name: _capability(name) for name in names}


def folder_of(name: str) -> Path:
    """The folder of a capability, where its templates and words are."""
    return Path(capabilities.__path__[0]) / name


def _capability(name: str) -> Capability:
    value = import_module(f"xinglin.capabilities.{name}.capability").CAPABILITY
    assert isinstance(value, Capability), f"CAPABILITY of {name} is not a Capability"
    return value
