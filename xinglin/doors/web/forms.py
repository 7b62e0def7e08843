"""Forms as they come in, within limits, and files as they go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Message, Receive

from xinglin.base.errors import TooLarge
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Download, Upload

FIELDS_MAX = 500
FILES_MAX = 5
FIELD_BYTES_MAX = 1024 * 1024


async def read_form(http: HttpRequest, bytes_max: int) -> tuple[Mapping[str, str], Mapping[str, Upload]]:
    """The texts and the files of a form. Raises `TooLarge` as soon as more has come than is taken, whatever was announced."""
    counted = HttpRequest(http.scope, _counting(http.receive, bytes_max))
    async with counted.form(max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX) as form:
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        sent = {name: value for name, value in form.items() if isinstance(value, UploadFile) and value.filename}
        return texts, {name: Upload(_plain_name(file.filename or ""), await file.read()) for name, file in sent.items()}


def _counting(receive: Receive, bytes_max: int) -> Receive:
    come = 0

    async def counted() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > bytes_max:
            raise TooLarge("This is more than the {most} MB that can be sent at once. Divide it.", most=bytes_max // (1024 * 1024))
        return message

    return counted


def _plain_name(name: str) -> str:
    """The last part of a name a browser sent, without anything that could be a path or a control character."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:120]


def sending(file: Download, say: Callable[[Phrase], str]) -> Response:
    """A file as an answer that is kept, never shown in place. `say`: a phrase in the reader's language."""
    content = file.content if isinstance(file.content, bytes) else file.content(say)
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in file.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(content, media_type=file.media, headers={"Content-Disposition": disposition})
