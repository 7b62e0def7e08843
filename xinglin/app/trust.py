"""What the doors share about applications and tokens: the endpoints, the withdrawn tokens, the origins, the sign-ins tokens end with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from xinglin.access.accounts import Sessions
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.model import drawers
from xinglin.access.oauth.people import Accounts
from xinglin.access.oauth.providers import Elsewhere, providers_of
from xinglin.access.oauth.withdrawals import Withdrawals
from xinglin.access.pace import Pace, pace_of
from xinglin.base.clock import utc_now
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api.bearer import BearerAccess
from xinglin.doors.smart import CrossOrigin, Origins, smart_app
from xinglin.doors.smart.door import OPEN_TO_ALL, Desk
from xinglin.store import Store


@dataclass(frozen=True, slots=True)
class Trust:
    """`access`: for the FHIR door; `smart`: the endpoints; `pace`: for all doors; `start` and `stop` go with the process."""

    access: BearerAccess
    smart: Any
    withdrawals: Withdrawals
    origins: Origins
    elsewhere: Elsewhere
    pace: Pace

    def across(self, app: Any) -> CrossOrigin:
        """A door that pages of registered applications may ask."""
        return CrossOrigin(app, self.origins, OPEN_TO_ALL)


def trust_of(settings: Settings, keys: Keys, store: Store) -> Trust:
    """What one process trusts."""
    ground = store.ground
    papers, sessions = drawers(ground), Sessions(ground)
    withdrawals, origins = Withdrawals(papers.withdrawn), Origins(papers, utc_now)
    pace = pace_of(settings)
    fetcher = Fetcher(tuple(settings.trusted_origins.split()))
    people, address = Accounts(ground), settings.public_url
    desk = Desk(papers, keys, people, fetcher, withdrawals.holds, sessions.alive, store.note, address, limits=pace)
    smart = CrossOrigin(smart_app(desk), origins, OPEN_TO_ALL)
    elsewhere = Elsewhere(ground, fetcher, providers_of(settings.identity_providers), os.environ)
    return Trust(BearerAccess(keys, withdrawals.holds, sessions.alive), smart, withdrawals, origins, elsewhere, pace)
