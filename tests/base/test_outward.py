"""No address that somebody registered leads us into our own network: not by its number, its name, a name that changes, or a redirect."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from xinglin.base import outward
from xinglin.base.errors import Malformed, Unavailable
from xinglin.base.outward import ask, check, is_public

INSIDE = """127.0.0.1 127.1.2.3 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 198.18.0.1 ::1
:: fd00::1 fe80::1 fe80::1%eth0 ::ffff:10.0.0.1 ::ffff:169.254.169.254 2002:a00:1::1 64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 ff02::1""".split()


class Inside(BaseHTTPRequestHandler):
    """A service of ours that nobody outside may ask."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status = 302 if self.path == "/leads-on" else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/secret")
        self.end_headers()
        self.wfile.write(b"x" * 200)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def inside() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Inside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Inside.asked.clear()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_known_in_every_form(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808"])
def test_addresses_outside_are_too(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "https://", "https://u:p@a.example/",
    "https://a.example:x/",
     "https://a.example/\r\nX: 1", "https://a.example/ x", "https://a.example/\u00e9", "//a.example/", "a.example", "",
     "https://a\u3002example/"],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(Malformed):
        check(url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_our_own_machine_is_not_asked_however_it_is_written(inside: int, host: str) -> None:
    with pytest.raises((Malformed, Unavailable)):
        await ask("GET", f"https://{host}:{inside}/secret", b"", {}, bytes_max=1000)
    assert Inside.asked == []


async def test_a_name_with_one_address_inside_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved(monkeypatch, [["8.8.8.8", "10.0.0.7"]])
    with pytest.raises(Malformed, match="private network"):
        await ask("GET", "https://both.example/", b"", {}, bytes_max=1000)


async def test_a_name_that_changes_its_meaning_is_asked_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved(monkeypatch, [["8.8.8.8"], ["127.0.0.1"]])
    reached: list[Any] = []

    def connect(address: Any, **_: Any) -> Any:
        reached.append(address)
        raise OSError("not today")

    monkeypatch.setattr(outward.socket, "create_connection", connect)
    with pytest.raises(Unavailable):
        await ask("GET", "https://moves.example/", b"", {}, bytes_max=1000)
    assert reached == [("8.8.8.8", 443)]


async def test_a_redirect_is_an_answer_and_is_not_followed(inside: int) -> None:
    origin = f"http://127.0.0.1:{inside}"
    assert (await ask("GET", f"{origin}/leads-on", b"", {}, bytes_max=1000, trusted=(origin,))).status == 302
    assert Inside.asked == ["/leads-on"]


async def test_what_is_too_long_is_not_read_and_trust_is_for_one_origin(inside: int) -> None:
    origin = f"http://127.0.0.1:{inside}"
    with pytest.raises(Unavailable):
        await ask("GET", f"{origin}/", b"", {}, bytes_max=100, trusted=(origin,))
    with pytest.raises(Malformed):
        await ask("GET", f"http://127.0.0.1:{inside + 1}/", b"", {}, bytes_max=100, trusted=(origin,))


async def test_no_header_is_made_by_a_value(inside: int) -> None:
    origin = f"http://127.0.0.1:{inside}"
    with pytest.raises(ValueError, match="header"):
        await ask("GET", f"{origin}/", b"", {"X-A": "a\r\nX-B: b"}, bytes_max=1000, trusted=(origin,))


def resolved(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> None:
    """Have names resolved to these, one list after another."""

    async def getaddrinfo(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in answers.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
