"""The profiles that ship with the house, as StructureDefinitions (one JSON file each), and the source that gives them out by url."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from xinglin.fhir.codec import Resource, decode_resource

RESIDENT = "urn:xinglin:profile:resident"
BLOOD_PRESSURE = "urn:xinglin:profile:blood-pressure"


@cache
def own_profiles() -> Mapping[str, Resource]:
    """The shipped StructureDefinitions by url."""
    found = (decode_resource(file.read_bytes()) for file in files(__name__).iterdir() if file.name.endswith(".json"))
    return MappingProxyType({structure["url"]: structure for structure in found})


class OwnProfiles:
    """A `validation.ProfileSource` of the shipped profiles alone."""

    def structure(self, url: str) -> Resource | None:
        """The shipped profile of a url, None when there is none."""
        return own_profiles().get(url)
