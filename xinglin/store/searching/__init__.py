"""From a search to rows: conditions (`predicates`, `measures`), the shape of the statement (`shapes`), and its running (`running`)."""

from xinglin.store.searching.running import SearchPage, matching_ids, search
from xinglin.store.searching.scope import Scope

__all__ = ["Scope", "SearchPage", "matching_ids", "search"]
