"""The resident's say: who looked at their record and why, objecting to it, who may see it now, permitting and refusing.

Answers S-RES and S-SEC (policies J(十二), Y-E八; Personal Information Protection Law 44-50). A case about a look is answered in the
security centre, which knows it by what stands here.
"""

from xinglin.capabilities.consent.actions import answer
from xinglin.capabilities.consent.model import GROUNDS, STATES, Objection, Someone
from xinglin.capabilities.consent.queries import objections_of, people_of
from xinglin.capabilities.consent.rules import moves_for, what_of, where_of

__all__ = ["GROUNDS", "STATES", "Objection", "Someone", "answer", "moves_for", "objections_of", "people_of", "what_of", "where_of"]
