"""Whom the server answers."""

from tests.explorer.conftest import TOKEN, Served


def test_the_address_with_its_token_opens_the_page(served: Served) -> None:
    status, headers, _ = served.request("GET", f"/?token={TOKEN}")
    assert status == 303
    assert headers["location"] == "/"
    assert "HttpOnly" in headers["set-cookie"]
    assert "samesite=strict" in headers["set-cookie"].lower()
    status, headers, body = served.request("GET", "/", Cookie=served.cookie())
    assert status == 200
    assert b"<script" in body
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"


def test_nothing_is_served_without_the_token(served: Served) -> None:
    name = served.cookie().partition("=")[0]
    for path in ("/", "/texts.json", "/static/app.js", "/?token=wrong", "/?token="):
        assert served.request("GET", path)[0] == 403, path
        assert served.request("GET", path, Cookie=f"{name}=wrong")[0] == 403, path


def test_a_name_that_was_rebound_to_this_computer_is_refused(served: Served) -> None:
    for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1", ""):
        status, _, body = served.request("GET", "/", Cookie=served.cookie(), Host=host)
        assert status in (400, 403), host
        assert b"<script" not in body
    assert served.request("GET", "/", Cookie=served.cookie(), Host=f"localhost:{served.port}")[0] == 200


def test_another_page_cannot_ask(served: Served) -> None:
    ask = {"Cookie": served.cookie()}
    path = "/api/network/networks"
    assert served.request("POST", path, b"{}", **ask, Origin=f"http://{served.host}")[0] == 200
    assert served.request("POST", path, b"{}", **ask)[0] == 403
    for origin in (
        "http://evil.example",
        "null",
        f"http://localhost:{served.port + 1}",
        f"https://{served.host}",
    ):
        assert served.request("POST", path, b"{}", **ask, Origin=origin)[0] == 403, origin
    own = {"Origin": f"http://{served.host}", "Sec_Fetch_Site": "cross-site"}
    assert served.request("POST", path, b"{}", **ask, **own)[0] == 403
