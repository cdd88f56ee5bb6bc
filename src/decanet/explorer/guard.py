"""Who may ask the explorer's server: pages that it served itself, in a browser that opened its address with the token.

- The token is new for every session. The first request carries it in its address and receives it as a cookie, which
  only pages of the same site send.
- ``Host`` must be the address that is served: a foreign name that was rebound to this computer is refused.
- Requests that change or compute something must come from a page of the server (``Origin``).
"""

import secrets
from collections.abc import Iterable
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware that refuses all others.

    Args:
        app: receives the requests that are allowed.
        hosts: allowed values of ``Host``, with the port.
        token: of this session.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str) -> None:
        self._app, self._hosts, self._token = app, frozenset(hosts), token
        # Cookies are shared by all ports of a host: two explorers at once must not overwrite each other's.
        self._cookie = "decanet_" + secrets.token_hex(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSocket is served
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if host not in self._hosts:
            answer: ASGIApp = _refuse("this server answers at its own address only")
        elif self._right(given) and scope["method"] == "GET":
            answer = RedirectResponse(scope["path"] or "/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        elif not self._right(_cookie(headers, self._cookie)):
            answer = _refuse("open the address that decanet explore printed, with its token")
        elif scope["method"] not in ("GET", "HEAD") and not _same_origin(headers, host):
            answer = _refuse("this request comes from another page")
        else:
            answer = self._app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await answer(scope, receive, with_headers)

    def _right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())


def _cookie(headers: Headers, name: str) -> str:
    found = SimpleCookie(headers.get("cookie", "")).get(name)
    return found.value if found else ""


def _same_origin(headers: Headers, host: str) -> bool:
    fetched = headers.get("sec-fetch-site", "same-origin")
    return headers.get("origin") == f"http://{host}" and fetched == "same-origin"


def _refuse(why: str) -> PlainTextResponse:
    return PlainTextResponse(f"refused: {why}\n", 403)
