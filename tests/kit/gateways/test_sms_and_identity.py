"""Messages and identities: the outside services by HTTP, and the simulators."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from tests.doors.web.drawn import WANG, settle, world
from xinglin.base.clock import utc_now
from xinglin.base.errors import Malformed, Unavailable
from xinglin.kit.gateways.identity import HttpIdentity, SimulatedIdentity, resident_of
from xinglin.kit.gateways.post import checked
from xinglin.kit.gateways.sms import HttpSms, SimulatedSms, code_in
from xinglin.store import Scope, Store

NUMBER = "580123198802290011"


class Outside(BaseHTTPRequestHandler):
    """Takes what is posted; answers by the path."""

    heard: ClassVar[list[tuple[str, dict[str, str], str]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.path, body, self.headers.get("Authorization", "")))
        matched = json.dumps({"match": body.get("name") == "王建国"}).encode()
        status, answer = {"/down": (500, b""), "/moved": (302, b"")}.get(self.path, (200, matched))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def outside() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Outside.heard.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_a_message_goes_to_the_operator_with_its_key(outside: str) -> None:
    await HttpSms(outside + "/sms", "k").send("15400001111", "123456")
    assert Outside.heard == [("/sms", {"phone": "15400001111", "text": "123456"}, "Bearer k")]


async def test_an_operator_that_refuses_or_sends_elsewhere_is_not_available_and_not_followed(outside: str) -> None:
    for path in ("/down", "/moved"):
        with pytest.raises(Unavailable):
            await HttpSms(outside + path, "k").send("15400001111", "x")
    assert [path for path, _, _ in Outside.heard] == ["/down", "/moved"]


@pytest.mark.parametrize("address", ["http://county.example/sms", "file:///etc/passwd", "ftp://x/", "sms", "http://localhost.evil.example/"])
def test_a_key_is_sent_only_over_https(address: str) -> None:
    with pytest.raises(Malformed):
        checked(address)


async def test_the_population_base_says_whether_number_and_name_belong_together(outside: str) -> None:
    identity = HttpIdentity(outside + "/match", "")
    assert await identity.belong(NUMBER, "王建国")
    assert not await identity.belong(NUMBER, "张桂兰")


async def test_the_simulator_knows_whom_our_own_store_knows(module_store: Store) -> None:
    records = module_store.records(Scope.everyone())
    await settle(records, world())
    simulated = SimulatedIdentity(records)
    assert await simulated.belong(NUMBER, "王 建国")
    assert not await simulated.belong(NUMBER, "张桂兰")
    assert not await simulated.belong(NUMBER, "")
    found = await resident_of(records, NUMBER, "王建国")
    assert found is not None
    assert found["id"] == WANG


async def test_the_simulator_keeps_messages_for_an_hour(module_store: Store) -> None:
    sms = SimulatedSms(module_store.ground)
    await asyncio.gather(sms.send("15400001111", "您的验证码是 123456"), sms.send("15400002222", "hello"))
    messages = await sms.messages(utc_now())
    assert {one.phone for one in messages} == {"15400001111", "15400002222"}
    assert {code_in(one.text) for one in messages} == {"123456", ""}
    assert await sms.messages(utc_now() + timedelta(hours=1, minutes=1)) == []
