"""Response times of the explorer's pages in a real browser, from an event to the frame that shows its answer.

Events are sent to the elements that a user touches. An interaction is answered when the place that shows the answer
has changed (a MutationObserver) and the next frame has begun; a frame takes 16.7 ms, which is in every time. Between
two interactions the page rests.
"""

import math
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from decanet.benchmarking.timing import about, conditions, markdown_table
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.explorer.server import build_app, listen
from decanet.explorer.session import Session
from decanet.explorer.snapshot import export

WARM_UP = 3  # interactions before the first that counts
TOKEN = "benchmark"
EFFICIENTNET = "efficientnet_lite0@pypi"

MEASURE = """async ([place, count, rest]) => {
  const [act, answered] = [%(act)s, %(answered)s];
  const times = [];
  for (let i = 0; i < count; i++) {
    const answer = new Promise((resolve, reject) => {
      const observer = new MutationObserver(() => {
        if (!answered()) return;
        observer.disconnect();
        clearTimeout(late);
        resolve();
      });
      const late = setTimeout(() => reject(new Error(`interaction ${i} had no answer in 20 seconds`)), 20000);
      observer.observe(document.querySelector(place), { subtree: true, childList: true, characterData: true });
    });
    const began = performance.now();
    act(i);
    await answer;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
  return times;
}"""


@dataclass(frozen=True)
class Interaction:
    """Something that a user does on a page, again and again.

    Attributes:
        page: its name in the explorer.
        what: what is done, for the table.
        ready: CSS selector of what stands on the page once it can be used.
        act: JavaScript, a function of the number of the interaction.
        place: CSS selector of what shows the answer.
        answered: JavaScript, whether a change of the place is the answer.
        hold: CSS selector of a canvas on which the pointer is pressed first.
        limit: milliseconds within which it has to be answered, as the page promises; none where it promises nothing.
    """

    page: str
    what: str
    ready: str
    act: str
    place: str
    answered: str = "() => true"
    hold: str = ""
    limit: int | None = None


def _slide(selector: str, value: str) -> str:
    return (
        f"(i) => {{ const input = {selector}; input.value = {value};"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }"
    )


def _point(selector: str, kind: str) -> str:
    """Send a pointer event to another place of the element each time."""
    return (
        f'(i) => {{ const element = document.querySelector("{selector}"); const box = element.getBoundingClientRect();'
        " const at = (k) => 0.06 + 0.88 * ((k * 0.618034) % 1);"
        f" element.dispatchEvent(new PointerEvent('{kind}', {{ bubbles: true,"
        " clientX: box.left + at(i) * box.width, clientY: box.top + at(2 * i + 1) * box.height })); }"
    )


MAP = "[aria-label^='Map ']"
FIFTEEN = "[...document.querySelectorAll('input[type=range]')].find((each) => each.max === '15')"
PAINT = Interaction(
    "edit", "paint", ".bars .percent", _point(".easel", "pointermove"), "[aria-live=polite]", hold=".easel"
)
INTERACTIONS = (
    Interaction(
        "convolve", "a number of a 15x15 kernel", ".equation .result",
        _slide("document.querySelectorAll('.kernel input')[112]", "String((i % 19) / 10 - 0.9)"), ".formula",
        limit=50,
    ),
    Interaction(
        "convolve", "the window moved", ".equation .result", _point("[role=application]", "pointermove"), ".equation"
    ),
    Interaction(
        "sound", "the decay changed", ".signal rect",
        _slide("document.querySelector('input[type=range]')", "String(0.02 + (i % 40) / 50)"), ".formula",
    ),
    Interaction(
        "lineage", "a network chosen", ".point",
        "(i) => { const all = document.querySelectorAll('.point');"
        " all[i % all.length].dispatchEvent(new MouseEvent('click', { bubbles: true })); }", "main",
    ),
    Interaction(
        "experiments", "an experiment chosen", ".claims button",
        "(i) => { const all = document.querySelectorAll('.claims button'); all[i % all.length].click(); }", "main",
    ),
    Interaction(
        "train", "paused and continued", "button.primary",
        "() => { const button = document.querySelector('.training button[data-action]');"
        " globalThis.told = button.dataset.action; button.click(); }",
        ".training button[data-action]",
        "() => document.querySelector('.training button[data-action]').dataset.action !== globalThis.told",
    ),
    Interaction(
        "units", "the next units", ".unit",
        "(i) => document.querySelectorAll('main button[aria-label]')[i % 2 ? 0 : 1].click()", "main",
        "() => document.querySelector('.crops figure') || document.querySelector('.unit')",
    ),
    Interaction(
        "versus", "an answer, and the next image", ".versus p",
        "() => (document.querySelector('.choices button') ?? document.querySelector('.versus .primary')).click()",
        ".versus",
    ),
)  # fmt: skip
OF_NETWORKS = (
    Interaction(
        "network", "hover over a map", ".chain .result", _point(MAP, "pointermove"), ".network-bottom p[aria-live]"
    ),
    Interaction(
        "network", "a number explained", ".chain .result", _point(MAP, "click"), "main > section:last-child > div"
    ),
    PAINT,
)  # fmt: skip
LIMITS = {
    ("decanet_m", "hover over a map"): 100, ("decanet_m", "paint"): 150, (EFFICIENTNET, "paint"): 500,
}  # fmt: skip


def measure(report: Report, *, cache: Path, interactions: int = 200) -> dict[str, Any]:
    """Measure every page, the pages of networks with two networks, and painting in an exported snapshot.

    Args:
        report: receives progress.
        cache: folder of the data sets.
        interactions: of each kind.

    Raises:
        UsageError: less than one interaction, or Chromium or Playwright is not installed.
    """
    if interactions < 1:
        raise UsageError(f"--interactions {interactions}: at least 1")
    measured: dict[str, Any] = conditions() | {"interactions": interactions, "pages": []}
    with _browser() as chromium, tempfile.TemporaryDirectory() as folder:
        measured["environment"] |= {"chromium": chromium.version}
        for reference in ("decanet_m", EFFICIENTNET):
            session = Session(reference, torch.device("cpu"), cache, Path(folder) / "runs")
            kinds = (*INTERACTIONS, *OF_NETWORKS) if reference == "decanet_m" else OF_NETWORKS
            with serving(session) as address:
                for number, kind in enumerate(kinds):
                    context = chromium.new_context(viewport={"width": 1280, "height": 900})
                    page = context.new_page()
                    page.goto(f"{address}/?token={TOKEN}")
                    page.goto(f"{address}/#lang=en&/{kind.page}")
                    page.reload()
                    measured["pages"].append(_row(reference, kind, _times(page, kind, interactions)))
                    context.close()
                    report.progress(f"pages with {reference}", number + 1, len(kinds), "kinds of interaction")
        snapshot, _ = export(Session("decanet_s", torch.device("cpu"), cache), Path(folder) / "pages")
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{snapshot.as_uri()}#lang=en&/edit")
        row = _row("decanet_s", PAINT, _times(page, PAINT, interactions)) | {
            "limit": 150,
            "page": "edit (snapshot)",
        }
        measured["pages"].append(row)
    return measured


@contextmanager
def _browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        raise UsageError("this benchmark needs Chromium and Playwright: make browser")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def serving(session: Session) -> Iterator[str]:
    """Serve the explorer from a thread; gives the address without its token. The session is closed at the end."""
    import uvicorn

    socket = listen("127.0.0.1", 0)
    host = f"127.0.0.1:{socket.getsockname()[1]}"
    config = uvicorn.Config(build_app(session, (host,), TOKEN), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://{host}"
    finally:
        server.should_exit = True
        thread.join(10)
        session.close()


def _times(page: Any, kind: Interaction, count: int) -> list[float]:
    """Return milliseconds of each interaction."""
    page.wait_for_selector(kind.ready, timeout=120_000)
    if kind.page == "train":
        page.locator("select").select_option("activation/relu")  # short steps, and enough of them
        page.get_by_role("button", name="Start").click()
        page.wait_for_selector(".status:has-text('Step')", timeout=120_000)
    if kind.page == "convolve" and "15x15" in kind.what:
        page.evaluate(_slide(FIFTEEN, "'15'"), 0)
    if kind.page == "units":
        page.wait_for_timeout(3000)
    if kind.hold:
        box = page.locator(kind.hold).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
    page.wait_for_timeout(500)
    program = MEASURE % {"act": kind.act, "answered": kind.answered}
    page.evaluate(program, [kind.place, WARM_UP, 200])
    found: list[float] = page.evaluate(program, [kind.place, count, 40])
    return found


def _row(network: str, kind: Interaction, milliseconds: Sequence[float]) -> dict[str, Any]:
    limit = LIMITS.get((network, kind.what), kind.limit)
    return {
        "page": kind.page, "what": kind.what, "network": network, "limit": limit,
        "median": round(statistics.median(milliseconds), 1),
        "percentile_95": round(sorted(milliseconds)[math.ceil(0.95 * len(milliseconds)) - 1], 1),
        "longest": round(max(milliseconds), 1),
    }  # fmt: skip


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    rows = [
        {
            "page": row["page"], "interaction": row["what"], "network": row["network"],
            "median, ms": f"{row['median']:.0f}", "95%, ms": f"{row['percentile_95']:.0f}",
            "longest, ms": f"{row['longest']:.0f}", "limit, ms": row["limit"],
        }
        for row in measured["pages"]
    ]  # fmt: skip
    return (
        f"{measured['interactions']} interactions of each kind in Chromium {measured['environment']['chromium']}, "
        "headless, on the machine that serves; from the event to the frame that shows the answer. A frame takes "
        f"16.7 ms, which is part of every time.\n\n{markdown_table(rows)}\n\n{about(measured)}"
    )
