"""The door of OAuth 2.1, OpenID Connect and SMART App Launch: what machines ask. The pages people see are the capability `applications`."""

from xinglin.doors.smart.door import PATHS, smart_app
from xinglin.doors.smart.origins import CrossOrigin, Origins

__all__ = ["PATHS", "CrossOrigin", "Origins", "smart_app"]
