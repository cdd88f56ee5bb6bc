"""``decanet explore``: networks and kernels in the browser."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from decanet.cli._shared import DataDir, Device, console


def command(
    reference: Annotated[
        str, Parameter(help="The network that is shown first: a model reference.")
    ] = "decanet_m",
    /,
    *,
    export: Annotated[
        Path | None,
        Parameter(help="Write the pages into this folder, with the network, instead of serving them."),
    ] = None,
    lang: Annotated[
        Literal["en", "zh"], Parameter(help="Language of the pages; it can be changed there.")
    ] = "en",
    open_: Annotated[bool, Parameter(name="--open", help="Open the browser.")] = True,
    host: Annotated[
        str, Parameter(help="Address to listen at; others than this computer's are reachable.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen at; 0 takes a free one.")] = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
) -> None:
    """Explore kernels, networks and trainings in the browser.

    The pages are served to this computer alone, at an address with a token that is new every time. Ctrl-C ends it.

    For example:

    ```
    decanet explore
    decanet explore efficientnet_lite0@pypi
    decanet explore runs/quick --lang zh
    decanet explore decanet_s --export explorer-pages
    ```
    """
    from decanet.core.runtime import cache_folder, choose_device
    from decanet.explorer.session import Session

    session = Session(reference, choose_device(device), cache_folder(data_dir))
    session.network({})  # a reference that is none is told here, not in the browser
    out = console()
    if export is not None:
        from decanet.explorer.snapshot import export as write

        page, size = write(session, export, lang)
        out.print_line(f"wrote {page} and its files, {size / 1e6:.1f} MB")
        if open_:
            _open(page.resolve().as_uri())
        return
    import secrets

    from decanet.core.errors import UsageError
    from decanet.explorer.server import build_app, listen, serve

    try:
        server = listen(host, port)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen at {host} port {port}: {error}; choose another with --port"
        ) from None
    chosen = server.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    local = host in ("127.0.0.1", "::1", "localhost")
    hosts = (f"{shown}:{chosen}", *((f"localhost:{chosen}",) if local else ()))
    if not local:
        out.print_line(
            f"warning: {host} can be reached from other computers; whoever has the address can compute here"
        )
    token = secrets.token_urlsafe(24)
    address = f"http://{shown}:{chosen}/?token={token}"
    out.print_line(f"the explorer is at {address}")
    out.print_line("Ctrl-C ends it")
    if open_:
        _open(f"{address}#lang={lang}")
    import contextlib

    try:
        with contextlib.suppress(KeyboardInterrupt):
            serve(build_app(session, hosts, token), server)
    finally:
        session.close()


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
