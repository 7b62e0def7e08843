"""The search mix: one shape for each kind of search, operands drawn from the record, so that answers are not all empty nor all alike."""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.client import request

CODES = ("8302-2", "29463-7", "39156-5", "55284-4", "72514-3", "2093-3", "33914-3", "2339-0", "4548-4", "6690-2")
VISITS = ("162673000", "185345009", "410620009", "50849002")
FIRST = ("a", "be", "car", "da", "el", "fr", "gar", "h", "ja", "ma", "ro", "st")


def shapes(patients: list[str], identifiers: list[str], encounters: list[str]) -> dict[str, Callable[[random.Random], str]]:
    """Shape name -> maker of its query."""
    return {
        "token": lambda c: f"Observation?code=http://loinc.org|{c.choice(CODES)}&_count=20",
        "token, two": lambda c: f"Encounter?class=AMB&status=finished&type={c.choice(VISITS)}&_count=20",
        "identifier": lambda c: f"Patient?identifier={c.choice(identifiers)}&_count=20",
        "string": lambda c: f"Patient?name={c.choice(FIRST)}&_count=20",
        "date": lambda c: f"Encounter?date=ge{c.randrange(1985, 2019)}-0{c.randrange(1, 10)}-01&_count=20",
        "code and dates": lambda c: (
            f"Observation?code={c.choice(CODES)}&date=ge{(y := c.randrange(2005, 2018))}-01-01&date=lt{y}-03-01&_count=20"
        ),
        "reference": lambda c: f"Condition?patient=Patient/{c.choice(patients)}&_count=20",
        "reference, other": lambda c: f"Observation?encounter=Encounter/{c.choice(encounters)}&_count=20",
        "patient and code": lambda c: f"Observation?patient={c.choice(patients)}&code={c.choice(CODES)}&_sort=-date&_count=20",
        "quantity": lambda c: f"Observation?code=8302-2&value-quantity=gt{c.randrange(100, 185)}&_count=20",
        "composite": lambda c: f"Observation?component-code-value-quantity=8480-6$gt{c.randrange(110, 160)}&_count=20",
        "chain": lambda c: f"Observation?patient.identifier={c.choice(identifiers)}&_count=20",
        "chain, birth date": lambda c: (
            f"Encounter?patient.birthdate=ge{(y := c.randrange(1930, 2010))}-01-01&patient.birthdate=lt{y + 1}-01-01&_count=20"
        ),
        "_has": lambda c: f"Patient?_has:Observation:patient:code={c.choice(CODES)}&_count=20",
        "sort": lambda c: f"Observation?code={c.choice(CODES)}&_sort=-date&_count=20",
        "_include": lambda c: f"Observation?code={c.choice(CODES)}&_include=Observation:patient&_count=20",
        "status, newest": lambda _: "Observation?status=final&_count=20",
        "nothing found": lambda c: f"Observation?code=no-such-{c.randrange(100000)}&_count=20",
    }


def maker(token: str, makers: dict[str, Callable[[random.Random], str]], seed: int) -> Callable[[], tuple[str, bytes]]:
    """Requests of the mix, each shape as often as another."""
    chance = random.Random(seed)
    names = list(makers)

    def make() -> tuple[str, bytes]:
        name = chance.choice(names)
        return name, request("GET", "/fhir/" + makers[name](chance).replace("|", "%7C"), token)

    return make
