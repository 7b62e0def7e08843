"""Family doctors' teams: two at each township centre, with the village doctors of half its villages each. They care for no one yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

from xinglin.engines.synthesis.codes import OWN, Json, concept
from xinglin.engines.synthesis.ids import make_id

if TYPE_CHECKING:
    from xinglin.engines.synthesis.staff import Institution, Worker

TEAM, MEMBER = OWN + "team-kind", OWN + "team-role"
FAMILY_DOCTOR = concept(TEAM, "family-doctor", "家庭医生团队")
_ROLES = {"leader": "团队长", "nurse": "护士", "prevention": "公卫人员", "village": "乡村医生"}


def family_doctors(rng: Random, clinic: Institution, rooms: Sequence[Institution], town: str) -> Iterator[Json]:
    """The teams of a township centre and its village rooms."""
    posts = {post: [one for one in clinic.workers if one.post == post] for post in ("doctor", "nurse", "prevention")}
    for n, name in enumerate(("第一", "第二")):
        members = [("leader", posts["doctor"][n])]
        members += [(post, found[n % len(found)]) for post in ("nurse", "prevention") if (found := posts[post])]
        members += [("village", room.workers[0]) for room in rooms[n::2]]
        yield {
            "resourceType": "CareTeam",
            "id": make_id(rng),
            "meta": {"source": clinic.source},
            "status": "active",
            "category": [FAMILY_DOCTOR],
            "name": f"{town}{name}家庭医生团队",
            "participant": [_member(role, worker, clinic) for role, worker in members],
            "managingOrganization": [clinic.ref],
        }


def _member(role: str, worker: Worker, clinic: Institution) -> Json:
    return {"role": [concept(MEMBER, role, _ROLES[role])], "member": worker.ref, "onBehalfOf": clinic.ref}
