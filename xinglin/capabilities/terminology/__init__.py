"""Codes and their meaning: look a code up, check it, compare it, list a value set, translate between code systems.

Answers S-STD (standard codes, value sets and their mapping). The CodeSystems, ValueSets and ConceptMaps of the store, and those R4
itself defines, are held in memory and kept in step with the store.
"""

from xinglin.capabilities.terminology.queries import Following, present

__all__ = ["Following", "present"]
