"""The PostgreSQL that comes with the platform: made, tuned, started, adopted and stopped without anyone installing a database."""

from xinglin.store.postgres.embedded import Embedded

__all__ = ["Embedded"]
