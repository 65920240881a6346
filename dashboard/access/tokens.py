"""The address that opens the pages: its token is good once, and sets a cookie that the other pages ask for."""

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from ..rules import Headers, values_of

PARAMETER = "token"
_BYTES = 24


class Door:
    """Decides which requests may look, by their cookie.

    Args:
        port: of the server; cookies are shared by all ports of a host, so that their names hold it.
        is_open: every browser on this machine may.
    """

    def __init__(self, port: int, *, is_open: bool) -> None:
        self.is_open = is_open
        self._name = f"insight-dashboard-{port}"
        self._secret = secrets.token_urlsafe(_BYTES)
        self._tokens: set[str] = set()

    def make_token(self) -> str:
        """Return a token that opens the pages once; empty if every browser may look."""
        if self.is_open:
            return ""
        token = secrets.token_urlsafe(_BYTES)
        self._tokens.add(token)
        return token

    def take_token(self, token: str) -> bool:
        """Return whether a token is good; it is not a second time."""
        found = next((each for each in self._tokens if hmac.compare_digest(each.encode(), token.encode())), None)
        self._tokens.discard(found or "")
        return found is not None

    def cookie(self) -> str:
        """Return the header that gives a browser the cookie: scripts cannot read it, other sites cannot send it."""
        return f"{self._name}={self._secret}; Path=/; HttpOnly; SameSite=Strict"

    def lets_in(self, headers: Headers) -> bool:
        """Return whether a request may be answered: it has the cookie, or needs none."""
        return self.is_open or any(self._is_own(value.decode("latin-1")) for value in values_of(headers, b"cookie"))

    def _is_own(self, header: str) -> bool:
        try:
            found = SimpleCookie(header).get(self._name)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._secret.encode())
