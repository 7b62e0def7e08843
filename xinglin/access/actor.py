"""The actor: who asks, for the whole of one request."""

from __future__ import annotations

from dataclasses import dataclass

ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin")
"""The three who watch each other (GB/T 22239, 三员分立): accounts and settings; rules and reviews; the trail. No account holds two."""

ROLES = (
    "doctor", "nurse", "pharmacist", "registrar", "public_health", "dispatcher", "insurer", "regulator", "resident",
    *ADMINISTRATORS, "reader", "system",
)  # fmt: skip
"""The roles there are; what each may do stands in `policy.GRANTS`. `reader` and `system` are machines."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a system that has proved who it is. `id` is the subject of its token, `name` is what people are shown.

    `person`: who it is in the record, as a reference (`Practitioner/…`, `Patient/…`); "" for administrators and machines.
    `units`: references of what this hat works for (Organization, Location, CareTeam), the institution first.
    `session`: the sign-in it comes from; `client`: the application it comes through, "" for our own pages.
    `scopes`: SMART scopes that narrow the role, None when nothing does; `patient`: the one Patient id they are about.
    """

    id: str
    role: str
    name: str
    person: str = ""
    units: tuple[str, ...] = ()
    session: str = ""
    client: str = ""
    scopes: tuple[str, ...] | None = None
    patient: str = ""
    purpose: str = "TREAT"
