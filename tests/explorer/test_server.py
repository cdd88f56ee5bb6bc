"""Questions and answers over HTTP."""

import base64
import io
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from decanet.explorer.pages import load_pages
from decanet.explorer.server import LARGEST_BODY, STATIC
from tests.explorer.conftest import Served


def test_static_files_and_texts_are_served(served: Served) -> None:
    cookie = served.cookie()
    for path, kind in (
        ("/static/app.js", "javascript"),
        ("/static/explorer.css", "css"),
        ("/texts.json", "json"),
    ):
        status, headers, _ = served.request("GET", path, Cookie=cookie)
        assert status == 200
        assert kind in headers["content-type"]
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/etc/passwd", "/static/"):
        assert served.request("GET", path, Cookie=cookie)[0] in (404, 405), path


def test_every_page_has_its_module_in_the_browser(served: Served) -> None:
    names = [page.name for page in load_pages()]
    assert sorted(names) == sorted(f.name.removesuffix(".js") for f in (STATIC / "pages").iterdir())
    _, _, index = served.request("GET", "/static/pages/index.js", Cookie=served.cookie())
    assert f"[{', '.join(names)}]" in index.decode()


def test_errors_are_one_line(served: Served, asked: dict[str, Any]) -> None:
    for name, question, words in (
        ("network/run", {"network": "no_such"}, "unknown network"),
        ("network/run", {"network": "../../etc/passwd"}, "unknown network"),
        ("network/run", {"network": "decanet_s"}, "not understood"),
        ("network/run", {"network": "decanet_s", "pixels": "AAAA"}, "28 x 28"),
        ("network/number", {**asked, "step": 999, "index": [0]}, "no step 999"),
        ("network/maps", {**asked, "step": 999}, "not understood"),
        ("network/map", {**asked, "step": 0, "channel": 999}, "not understood"),
        ("edit/attribution", {**asked, "method": "magic", "class": 0}, "unknown method"),
        ("edit/attribution", {**asked, "method": "occlusion", "class": 99}, "no class 99"),
    ):
        status, answer = served.ask(name, question)
        assert status == 400, name
        assert words in answer["error"], answer
        assert "\n" not in answer["error"]
    assert served.ask("network/no_such", {})[0] == 404
    posted = {"Cookie": served.cookie(), "Origin": f"http://{served.host}"}
    for body in (b"[1]", b"{", b"\xff"):
        assert served.request("POST", "/api/network/run", body, **posted)[0] == 400


def test_an_uploaded_image_is_decoded_and_fitted(served: Served) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((60, 40, 3), (200, 10, 30), np.uint8)).save(buffer, "PNG")
    status, answer = served.ask("network/image", {"data": base64.b64encode(buffer.getvalue()).decode()})
    assert status == 200
    assert answer["pixels"]["shape"] == [28, 28, 3]
    assert base64.b64decode(answer["pixels"]["base64"])[:3] == bytes((200, 10, 30))
    status, answer = served.ask("network/image", {"data": base64.b64encode(b"no image").decode()})
    assert status == 400
    assert "the file is no image" in answer["error"]
    assert "/tmp" not in answer["error"]


def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    posted = {"Cookie": served.cookie(), "Origin": f"http://{served.host}"}
    status, _, body = served.request("POST", "/api/network/image", b" " * (LARGEST_BODY + 1), **posted)
    assert status == 413
    assert b"smaller" in body


def test_twenty_viewers_and_a_slow_client(served: Served, asked: dict[str, Any]) -> None:
    slow = socket.create_connection(("127.0.0.1", served.port))
    slow.sendall(
        b"POST /api/network/run HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    )  # and then nothing
    began = time.monotonic()
    with ThreadPoolExecutor(20) as viewers:
        answers = list(
            viewers.map(lambda i: served.ask("edit/predict", asked, page=f"viewer {i}"), range(40))
        )
    slow.close()
    assert {status for status, _ in answers} == {200}
    assert time.monotonic() - began < 30
    assert len({json.dumps(answer) for _, answer in answers}) == 1


def test_the_newest_question_of_a_page_replaces_the_older_ones(served: Served) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: served.ask("convolve/start", {}, page="one page"), range(6)))
    assert {status for status, _ in answers} == {200}
    assert any("kernels" in answer for _, answer in answers)
    assert all("kernels" in answer or answer == {"superseded": True} for _, answer in answers)
