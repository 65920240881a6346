"""The cookie of a login.

Over https its name has the prefix `__Host-`, so that no other host can set it (RFC 6265bis, section 4.1.3). Over http
all ports of a host share cookies, so that the name has the port. `SameSite=Lax` lets a link from another site, as in a
chat, open a page; what changes something, logging in and out, is a POST, with which no other site sends the cookie.
"""

from http.cookies import CookieError, SimpleCookie

from starlette.requests import Request


def cookie_name(request: Request) -> str:
    """Return the name of the cookie on this server."""
    if _is_secure(request):
        return "__Host-insight-login"
    return f"insight-login-{(request.scope.get('server') or ('', 0))[1]}"


def token_of(request: Request) -> str:
    """Return the text in the cookie of a request; empty without one."""
    for header in request.headers.getlist("cookie"):
        try:
            found = SimpleCookie(header).get(cookie_name(request))
        except CookieError:
            continue
        if found is not None:
            return found.value
    return ""


def set_cookie(request: Request, token: str, days: int) -> dict[str, str]:
    """Return the header that gives a browser the cookie; with an empty text it takes the cookie away."""
    secure = "; Secure" if _is_secure(request) else ""
    age_s = days * 86_400 if token else 0
    value = f"{cookie_name(request)}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
    return {"Set-Cookie": value}


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
