"""Floor 7: discovery and composition: the capabilities we have, behind the doors we have."""

from xinglin.app.serving import application

__all__ = ["application"]
