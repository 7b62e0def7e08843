"""What an OAuth endpoint refuses, in the words of its standards.

Sources: RFC 6749 4.1.2.1 and 5.2, RFC 6750 3.1, OpenID Connect Core 3.1.2.6.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from xinglin.base.errors import XinglinError

Code = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "access_denied",
    "unsupported_response_type", "server_error", "temporarily_unavailable", "login_required", "consent_required", "invalid_token",
    "unsupported_token_type", "slow_down",
]  # fmt: skip


class Refused(XinglinError):
    """A request that is refused with an OAuth error code; the text is its `error_description`. `to`: where the browser goes with it."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"

    def __init__(self, error: Code, text: str, /, *, to: str = "", **places: str) -> None:
        self.error: Code = error
        self.to = to
        super().__init__(text, issues=(), retry_after_s=None, **places)

    @property
    def answer_status(self) -> int:
        """The HTTP status of a direct answer."""
        return {"invalid_client": 401, "invalid_token": 401, "slow_down": 429}.get(self.error, 400)
