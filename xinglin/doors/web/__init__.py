"""The web door: pages for people. Sessions, languages, security headers and error pages; knows no capability by name."""

from xinglin.doors.web.app import House, web_app

__all__ = ["House", "web_app"]
