"""Floor 3: the one store. The only floor that speaks SQL.

`prepare` makes a database ready, `open_store` gives one process its hold on it, `Store.records(scope)` is what everyone else uses.
"""

from xinglin.store.changes import (
    Amend,
    AmendWhere,
    AuditRow,
    Change,
    Create,
    Delete,
    DeleteWhere,
    Outcome,
    Stored,
    Update,
    UpdateWhere,
)
from xinglin.store.ground import prepare
from xinglin.store.past import HistoryPage
from xinglin.store.records import Records, Store, open_store
from xinglin.store.searching.running import SearchPage
from xinglin.store.searching.scope import Scope

__all__ = [
    "Amend",
    "AmendWhere",
    "AuditRow",
    "Change",
    "Create",
    "Delete",
    "DeleteWhere",
    "HistoryPage",
    "Outcome",
    "Records",
    "Scope",
    "SearchPage",
    "Store",
    "Stored",
    "Update",
    "UpdateWhere",
    "open_store",
    "prepare",
]
