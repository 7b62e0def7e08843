"""Floor 7: discovery and composition: the capabilities we have, behind the doors we have."""

from xinglin.app.demonstrating import demonstrate
from xinglin.app.serving import application
from xinglin.app.working import work

__all__ = ["application", "demonstrate", "work"]
