"""Emergency access: a clinician opens the record of someone they have no care relationship with, with a reason, at once, for four hours.

Answers S-SEC and S-EMS (policies J(十二), issue 3). The resident and the security administrator are told; the case stands in the security
centre until it is judged (`access/breakglass.py` keeps it).
"""

from xinglin.capabilities.break_glass.actions import tell_family

__all__ = ["tell_family"]
