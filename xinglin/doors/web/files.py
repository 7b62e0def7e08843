"""Static files under an address that changes with their content, so that browsers keep them for good."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"


class KeptFiles(StaticFiles):
    """Static files that browsers need not ask for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, marked as never changing under this address."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = KEPT
        return response


def static_prefix() -> str:
    """`/static/<mark>`, the mark being made of every file's name, size and time of change."""
    mark = blake2b(digest_size=6)
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            facts = file.stat()
            mark.update(f"{file.relative_to(FOLDER)}:{facts.st_size}:{facts.st_mtime_ns};".encode())
    return f"/static/{mark.hexdigest()}"
