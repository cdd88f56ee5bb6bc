"""The server of the explorer: static files, texts, and the questions of the pages.

A question is ``POST /api/PAGE/QUESTION`` with a JSON object; the answer is a JSON object, in which arrays are base64
(see :mod:`decanet.explorer.packing`). An error of the user's is status 400 with one line.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import resources

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from decanet.core.errors import DecanetError
from decanet.core.texts import LANGUAGES, catalog
from decanet.explorer.desk import Desk, Superseded
from decanet.explorer.guard import Guard
from decanet.explorer.packing import pack
from decanet.explorer.pages import load_pages
from decanet.explorer.session import Question, Session

PACKAGE = "decanet.explorer"
LARGEST_BODY = 20_000_000  # bytes of a request: an image file, or pixels as base64
STATIC = resources.files(PACKAGE) / "static"


def build_app(session: Session, hosts: tuple[str, ...], token: str) -> ASGIApp:
    """Return the application.

    Args:
        session: the networks and images that are offered.
        hosts: values of ``Host`` that are answered, with the port.
        token: must be given once, in the address.
    """
    desk, questions = Desk(), questions_of_pages()

    async def ask(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in questions:
            raise HTTPException(404, f"no page asks {name!r}")
        body = await _body(request)
        try:
            asked = json.loads(body or b"{}")
            if not isinstance(asked, dict):
                raise ValueError
        except ValueError:
            return _error("the question is no JSON object")
        slot = f"{request.headers.get('x-page', '')}:{name}"
        try:
            answer = await desk.run(slot, partial(questions[name], session, asked))
        except Superseded:
            return JSONResponse({"superseded": True})  # an error would stand in the browser's console
        except DecanetError as error:
            return _error(str(error))
        except (LookupError, TypeError, ValueError) as error:  # a question without what it needs
            return _error(f"the question {name} is not understood: {error}")
        return JSONResponse(pack(answer))

    async def texts(_: Request) -> Response:
        return JSONResponse(all_texts())

    async def page_list(_: Request) -> Response:
        return Response(page_index(), media_type="text/javascript")

    async def index(_: Request) -> Response:
        return FileResponse(str(STATIC / "index.html"))

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/texts.json", texts),
            Route("/static/pages/index.js", page_list),
            Route("/api/{name:path}", ask, methods=["POST"]),
            Mount("/static", StaticFiles(directory=str(STATIC))),
        ]
    )
    return Guard(app, hosts, token)


def questions_of_pages() -> dict[str, Question]:
    """Return the questions of all pages by name, as ``"network/run"``."""
    return {f"{page.name}/{name}": ask for page in load_pages() for name, ask in page.questions.items()}


def page_index() -> str:
    """Return the module that gives the browser the pages in the order of the navigation."""
    names = [page.name for page in load_pages()]
    imports = "".join(f'import * as {name} from "./{name}.js";\n' for name in names)
    return f"{imports}export const PAGES = [{', '.join(names)}];\n"


def all_texts() -> Mapping[str, Mapping[str, str]]:
    """Return the texts of every language."""
    return {language: catalog(PACKAGE, language) for language in LANGUAGES}


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError where the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only where the protocol is named: 2 ms instead of 44.
    server = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(128)
    return server


def serve(app: ASGIApp, server: socket.socket) -> None:
    """Answer requests until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run(sockets=[server])


@contextmanager
def serving(session: Session, token: str) -> Iterator[int]:
    """Answer requests of this computer in a thread; gives the port. At the end the session is closed."""
    import uvicorn

    socket = listen("127.0.0.1", 0)
    port = socket.getsockname()[1]
    app = build_app(session, (f"127.0.0.1:{port}", f"localhost:{port}"), token)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
        session.close()


async def _body(request: Request) -> bytes:
    """The body of a request, as far as it is not too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise HTTPException(413, f"more than {LARGEST_BODY // 1_000_000} MB: choose a smaller file")
        parts.append(part)
    return b"".join(parts)


def _error(line: str) -> Response:
    return JSONResponse({"error": line}, 400)
