"""Response times of the explorer's pages in a real browser, from an event to the frame that shows its answer.

Events are sent to the elements that a user touches. An interaction is answered when the place that shows the answer
has changed (a MutationObserver) and the next frame has begun; a frame takes 16.7 ms, which is in every time. Between
two interactions the page rests.
"""

import math
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from decanet.benchmarking.timing import about, conditions, markdown_table
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.explorer.server import serving
from decanet.explorer.session import Session
from decanet.explorer.snapshot import export

WARM_UP = 3  # interactions before the first that counts
TOKEN = "benchmark"
EFFICIENTNET = "efficientnet_lite0@pypi"
OF_TEST_IMAGES = {"units", "versus"}  # pages that show nothing without them

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
        prepare: what is done with the page first.
    """

    page: str
    what: str
    ready: str
    act: str
    place: str
    answered: str = "() => true"
    prepare: Callable[[Any], None] = lambda _: None


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


def _fifteen(page: Any) -> None:
    """Make the kernel as large as it can be."""
    slider = "[...document.querySelectorAll('input[type=range]')].find((each) => each.max === '15')"
    page.evaluate(_slide(slider, "'15'"), 0)


def _train(page: Any) -> None:
    """Start a training with short steps, and enough of them."""
    page.locator("select").select_option("activation/relu")
    page.get_by_role("button", name="Start").click()
    page.wait_for_selector(".status:has-text('Step')", timeout=120_000)


def _search(page: Any) -> None:
    """Wait for the search of the test images, on both pages of units that are turned."""
    for label in ("Units after these", "Units before these"):
        page.wait_for_selector(".crops figure", timeout=600_000)
        page.get_by_role("button", name=label).click()
    page.wait_for_selector(".crops figure")


def _press(page: Any) -> None:
    """Press the pointer in the middle of the easel."""
    box = page.locator(".easel").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


MAP = "[aria-label^='Map ']"
PAINT = Interaction(
    "edit", "paint", ".bars .percent", _point(".easel", "pointermove"), "[aria-live=polite]", prepare=_press
)
INTERACTIONS = (
    Interaction(
        "convolve", "a number of a 15x15 kernel", ".equation .result",
        _slide("document.querySelectorAll('.kernel input')[112]", "String((i % 19) / 10 - 0.9)"), ".formula",
        prepare=_fifteen,
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
        _train,
    ),
    Interaction(
        "units", "the next units", ".unit",
        "(i) => document.querySelectorAll('main button[aria-label]')[i % 2 ? 0 : 1].click()", "main",
        "() => document.querySelector('.crops figure')", _search,
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
SNAPSHOT = "edit (snapshot)"
LIMITS = {  # milliseconds within which an interaction should be answered
    ("convolve", "a number of a 15x15 kernel", "decanet_m"): 50,
    ("network", "hover over a map", "decanet_m"): 100,
    ("edit", "paint", "decanet_m"): 150,
    ("edit", "paint", EFFICIENTNET): 500,
    (SNAPSHOT, "paint", "decanet_s"): 150,
}


def measure(report: Report, *, cache: Path, interactions: int = 200) -> dict[str, Any]:
    """Measure every page, the pages of networks with two networks, and painting in an exported snapshot.

    Args:
        report: receives progress.
        cache: folder of the data sets.
        interactions: of each kind.

    Raises:
        UsageError: less than one interaction, or Chromium, Playwright or the images of CIFAR-10 are not here.
    """
    if interactions < 1:
        raise UsageError(f"--interactions {interactions}: at least 1")
    measured: dict[str, Any] = conditions() | {"interactions": interactions, "pages": []}
    with _browser() as chromium, tempfile.TemporaryDirectory() as folder:
        measured["environment"] |= {"chromium": chromium.version}
        for reference in ("decanet_m", EFFICIENTNET):
            session = Session(reference, torch.device("cpu"), cache, Path(folder) / "runs")
            kinds = (*INTERACTIONS, *OF_NETWORKS) if reference == "decanet_m" else OF_NETWORKS
            if session.test_images is None and any(kind.page in OF_TEST_IMAGES for kind in kinds):
                raise UsageError("this benchmark needs CIFAR-10: decanet data fetch --name cifar10")
            with serving(session, TOKEN) as port:
                address = f"http://127.0.0.1:{port}"
                for number, kind in enumerate(kinds):
                    context = chromium.new_context(viewport={"width": 1280, "height": 900})
                    page = context.new_page()
                    page.goto(f"{address}/?token={TOKEN}")
                    page.goto(f"{address}/#lang=en&/{kind.page}")
                    page.reload()
                    measured["pages"].append(
                        _row(kind.page, kind, reference, _times(page, kind, interactions))
                    )
                    context.close()
                    report.progress(f"pages with {reference}", number + 1, len(kinds), "kinds of interaction")
        snapshot, _ = export(Session("decanet_s", torch.device("cpu"), cache), Path(folder) / "pages")
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{snapshot.as_uri()}#lang=en&/edit")
        measured["pages"].append(_row(SNAPSHOT, PAINT, "decanet_s", _times(page, PAINT, interactions)))
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


def _times(page: Any, kind: Interaction, count: int) -> list[float]:
    """Return milliseconds of each interaction."""
    page.wait_for_selector(kind.ready, timeout=120_000)
    kind.prepare(page)
    page.wait_for_timeout(500)
    program = MEASURE % {"act": kind.act, "answered": kind.answered}
    page.evaluate(program, [kind.place, WARM_UP, 200])
    found: list[float] = page.evaluate(program, [kind.place, count, 40])
    return found


def _row(page: str, kind: Interaction, network: str, milliseconds: Sequence[float]) -> dict[str, Any]:
    return {
        "page": page, "what": kind.what, "network": network, "limit": LIMITS.get((page, kind.what, network)),
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
