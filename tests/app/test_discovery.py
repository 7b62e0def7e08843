"""Capabilities are found, not listed."""

from __future__ import annotations

from xinglin.app.discovery import discover, folder_of
from xinglin.kit.workspaces import WORKSPACES


def test_every_folder_of_capabilities_is_found_in_order_of_name() -> None:
    found = discover()
    assert list(found) == sorted(found)
    assert "health_record" in found
    assert all((folder_of(name) / "capability.py").exists() for name in found)


def test_no_two_capabilities_want_the_same_address_and_all_workspaces_are_known() -> None:
    found = discover()
    addresses = [(page.method, page.path) for one in found.values() for page in one.pages]
    assert len(addresses) == len(set(addresses))
    assert {name for one in found.values() for name in one.workspaces} <= {workspace.name for workspace in WORKSPACES}


def test_every_menu_line_tile_and_finder_leads_to_a_page_of_its_capability() -> None:
    for one in discover().values():
        paths = {page.path for page in one.pages if page.method == "GET"}
        leads = (
            {entry.href for entry in one.menu}
            | {tile.href.partition("?")[0] for tile in one.tiles}
            | {panel.href for panel in one.panels}
            | {finder.href for finder in one.finders}
            | {waiting.href for waiting in one.inbox}
            | {signal.href for signal in one.signals}
        )
        assert leads <= paths
