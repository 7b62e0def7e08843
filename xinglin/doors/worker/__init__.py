"""The worker: what happens after a request is answered. It does long jobs and follows the change feed, until it is told to end."""

from xinglin.doors.worker.process import run

__all__ = ["run"]
