"""An explorer that serves, and what a browser sends to it."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from decanet.explorer.packing import pack
from decanet.explorer.server import serving
from decanet.explorer.session import Session

TOKEN = "secret-of-the-test"


@dataclass
class Served:
    """A running server."""

    session: Session
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"http://{self.host}/?token={TOKEN}"

    def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        connection.close()
        return answer

    def cookie(self) -> str:
        status, headers, _ = self.request("GET", f"/?token={TOKEN}")
        assert status == 303
        return headers["set-cookie"].partition(";")[0]

    def ask(self, name: str, question: dict[str, Any], page: str = "test") -> tuple[int, Any]:
        status, _, body = self.request(
            "POST", f"/api/{name}", json.dumps(question).encode(),
            Cookie=self.cookie(), Origin=f"http://{self.host}", X_Page=page,
        )  # fmt: skip
        return status, json.loads(body) if body.startswith(b"{") else body.decode()


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session without data sets and without runs."""
    empty = tmp_path_factory.mktemp("cache")
    return Session("decanet_s", torch.device("cpu"), empty, empty / "runs")


@pytest.fixture(scope="session")
def served(session: Session) -> Iterator[Served]:
    with serving(session, TOKEN) as port:
        yield Served(session, port)


@pytest.fixture(scope="session")
def asked(session: Session) -> dict[str, Any]:
    """A question about the first sample image."""
    name, pixels = session.samples({})[0]
    assert name == "cat"
    return {"network": "decanet_s", "pixels": pack(pixels)["base64"]}
