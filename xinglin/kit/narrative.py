"""Words within resources: narratives and attached text, as plain text that a page may show. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from html import unescape

from xinglin.fhir.codec import Resource

BODY_BYTES_MAX = 200_000
"""Text of one attachment that is shown."""


def plain_text(markup: str) -> str:
    """XHTML or HTML as lines of plain text: markup is dropped, never shown as markup."""
    lines = re.sub(r"<(br|/p|/div|/li|/tr|/h\d)[^>]*>", "\n", markup)
    return "\n".join(line.strip() for line in unescape(re.sub(r"<[^>]*>", " ", lines)).splitlines() if line.strip())


def attached_text(attachment: Resource) -> str:
    """The words of an Attachment of text carried within; "" for any other kind, and for one that cannot be read."""
    kind, data = attachment.get("contentType", ""), attachment.get("data", "")
    if not data or not kind.startswith("text/"):
        return ""
    try:
        text = b64decode(data[:BODY_BYTES_MAX]).decode(errors="replace")
    except ValueError:
        return ""
    return plain_text(text) if "html" in kind or "xml" in kind else text
