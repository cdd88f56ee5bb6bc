"""The explorer in a real browser: every page, its main interaction, and its numbers against Python's."""

import functools
import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decanet.convolution.images import convolve, correlate
from decanet.explorer.packing import pack
from decanet.explorer.pages import load_pages
from decanet.explorer.session import Session
from decanet.explorer.snapshot import export, graph
from tests.explorer.conftest import Served

pytest.importorskip("playwright.sync_api", reason="the browser tests need: make browser")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the browser tests need: make browser"
)
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need Chromium: make browser")
PAGES = [page.name for page in load_pages()]
READY = {  # what stands on a page once it has its first answers
    "convolve": ".equation .result", "network": ".chain .result", "edit": ".bars .percent",
    "sound": ".signal rect", "train": "button.primary", "lineage": ".point", "experiments": ".claims button",
    "units": ".unit", "versus": ".versus p",
}  # fmt: skip


class Visit:
    """A page of the explorer in a context of its own, and what it said."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page, self.heard = self.context.new_page(), []
        self.page.on("console", lambda message: self.heard.append(message.text))
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.requested: list[str] = []

    def open(self, served: Served, name: str, language: str = "en") -> Any:
        self.page.goto(served.address)
        self.page.goto(f"http://{served.host}/#lang={language}&/{name}")
        self.page.reload()
        self.page.wait_for_selector(READY[name], timeout=60_000)
        return self.page


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    visit = Visit(browser)
    yield visit
    visit.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_silent_accessible_and_stays_here(
    browser: Any, served: Served, name: str, language: str, scheme: str
) -> None:
    visit = Visit(browser, color_scheme=scheme, bypass_csp=True)  # axe is a script of its own
    page = visit.open(served, name, language)
    assert page.locator("html").get_attribute("lang") == ("zh-Hans" if language == "zh" else "en")
    violations = axe.Axe().run(page).response["violations"]
    assert not violations, [(each["id"], each["nodes"][0]["html"]) for each in violations]
    for width in (1280, 820):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not visit.heard
    outside = [
        url for url in visit.requested if not url.startswith((f"http://{served.host}/", "data:", "blob:"))
    ]
    assert not outside
    visit.context.close()


def test_the_policy_forbids_scripts_in_the_page(visit: Visit, served: Served) -> None:
    page = visit.open(served, "convolve")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in visit.heard)


@pytest.mark.parametrize("padding", ["zero", "reflect", "replicate", "circular", "none"])
def test_filtering_in_the_browser_equals_python(visit: Visit, served: Served, padding: str) -> None:
    page = visit.open(served, "convolve")
    random = np.random.default_rng(0)
    for (height, width), stride, dilation, correlated in (
        ((3, 3), 1, 1, True), ((3, 3), 2, 1, False), ((4, 2), 1, 2, True), ((4, 2), 3, 1, False),
        ((15, 15), 1, 1, True), ((1, 5), 2, 3, False),
    ):  # fmt: skip
        image, kernel = (
            random.random((40, 37)).astype("f4"),
            random.standard_normal((height, width)).astype("f4"),
        )
        found = page.evaluate(
            """async ([image, kernel, setting]) => {
              const { filter } = await import("/static/lib/filtering.js");
              const plain = ({ values, ...size }) => ({ values: new Float32Array(values), ...size });
              const { weights, ...size } = kernel;
              const done = filter(plain(image), { weights: new Float32Array(weights), ...size }, setting);
              return { shape: [done.height, done.width], values: Array.from(done.values) };
            }""",
            [
                {"values": image.ravel().tolist(), "height": 40, "width": 37},
                {"weights": kernel.ravel().tolist(), "height": height, "width": width},
                {"padding": padding, "stride": stride, "dilation": dilation, "correlated": correlated},
            ],
        )
        operation = correlate if correlated else convolve
        expected = operation(image, kernel, padding=padding, stride=stride, dilation=dilation)  # type: ignore[arg-type]
        assert tuple(found["shape"]) == expected.shape
        assert np.allclose(np.reshape(found["values"], expected.shape), expected, atol=1e-4)


def test_sounds_in_the_browser_equal_python(visit: Visit, served: Served) -> None:
    page = visit.open(served, "sound")
    random = np.random.default_rng(0)
    signal, response = random.standard_normal(57), random.standard_normal(23)
    found = page.evaluate(
        """async ([x, h]) => {
          const { byFft, byRecursion, decay, direct, echo } = await import("/static/lib/sound.js");
          const [a, b] = [Float64Array.from(x), Float64Array.from(h)];
          return {
            direct: Array.from(direct(a, b)), fft: Array.from(byFft(a, b)),
            recursion: Array.from(byRecursion(a, 0.2, 30)), decay: Array.from(decay(0.2, 30)),
            echo: Array.from(echo(4, 0.5, 3)),
          };
        }""",
        [signal.tolist(), response.tolist()],
    )
    assert np.allclose(found["direct"], np.convolve(signal, response), atol=1e-12)
    assert np.allclose(found["fft"], found["direct"], atol=1e-12)
    assert np.allclose(found["recursion"], np.convolve(signal, np.exp(-0.2 * np.arange(30))), atol=1e-9)
    assert np.allclose(found["decay"], np.exp(-0.2 * np.arange(30)))
    assert found["echo"] == [1, 0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0, 0, 0.125]
    assert not visit.heard


def test_a_kernel_is_changed_by_keyboard(visit: Visit, served: Served) -> None:
    page = visit.open(served, "convolve")
    cell = page.locator(".kernel input").nth(4)
    cell.focus()
    page.keyboard.press("Shift+ArrowUp")
    assert cell.input_value() == "1"
    result = page.get_by_role("application")
    before = page.locator(".equation figcaption").last.text_content()
    result.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(text) => document.querySelectorAll('.equation figcaption')[3].textContent !== text", arg=before
    )
    numbers = [
        [float(text.replace("−", "-")) for text in table.all_text_contents()]
        for table in (page.locator(".equation table").nth(i).locator("td") for i in range(3))
    ]
    patch, kernel, products = numbers
    shown = float(page.locator(".equation .result").text_content().replace("−", "-"))
    assert shown == pytest.approx(sum(p * k for p, k in zip(patch, kernel)), abs=0.05)
    assert products == pytest.approx([p * k for p, k in zip(patch, kernel)], abs=0.02)


def test_a_number_of_the_network_is_the_networks(visit: Visit, served: Served, session: Session) -> None:
    page = visit.open(served, "network")
    page.locator("[data-stage=block2]").click()
    page.wait_for_function("() => document.querySelector('.chain .result') && document.querySelector('h2')")
    page.locator("[aria-label^='Map ']").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(800)
    title = page.locator("section > h2").last.text_content()
    index = tuple(int(i) for i in re.findall(r"\d+", re.search(r"\[([^]]*)\]", title)[1]))
    shown = float(page.locator(".chain .result").last.text_content().replace("−", "-"))
    _, pixels = session.samples({})[0]
    recording = session.recording({"pixels": pack(pixels)["base64"]})
    assert shown == pytest.approx(float(recording.last_of("block2").output[0][index]), rel=1e-3)


def test_steps_and_maps_by_keyboard(visit: Visit, served: Served) -> None:
    page = visit.open(served, "network")
    page.locator(".node").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('.node[aria-pressed=true]') === document.querySelector('.node')"
    )
    page.locator("[aria-label^='Feature maps after']").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[aria-label^='Map 1,']")


def test_painting_changes_the_predictions(visit: Visit, served: Served) -> None:
    page = visit.open(served, "edit")
    before = page.locator(".bars").text_content()
    box = page.locator(".easel").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for i in range(8):
        page.mouse.move(box["x"] + 60 + 35 * i, box["y"] + 100 + 20 * (i % 3))
    page.mouse.up()
    page.wait_for_function("(text) => document.querySelector('.bars').textContent !== text", arg=before)
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("(text) => document.querySelector('.bars').textContent === text", arg=before)
    page.get_by_role("button", name="Show").click()
    page.wait_for_function("() => !document.querySelector('button.primary').disabled")
    assert not visit.heard


def test_a_training_is_watched_paused_and_stopped(visit: Visit, served: Served) -> None:
    page = visit.open(served, "train")
    page.locator("select").select_option("flash")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_selector(".status:has-text('Paused')", timeout=60_000)
    page.wait_for_selector(".predicted figcaption", timeout=60_000)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".training button:has-text('Close'):visible", timeout=60_000)
    assert not visit.heard


def test_a_point_of_the_lineage_opens_its_network(visit: Visit, served: Served) -> None:
    page = visit.open(served, "lineage")
    page.locator(".point[aria-label^='GoogLeNet']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:has-text('GoogLeNet')")
    assert page.locator(".columns a").get_attribute("href") == "#/network?network=googlenet"
    assert not visit.heard


def test_a_page_that_is_opened_again_at_once_is_no_trouble(visit: Visit, served: Served) -> None:
    page = visit.open(served, "lineage")
    page.evaluate(
        "for (const name of ['edit', 'network', 'edit', 'units', 'edit']) location.hash = `#/${name}`;"
    )
    for _ in range(6):
        page.locator("button.language").click()  # opens the page in the other language
    page.wait_for_selector(READY["edit"])
    page.wait_for_timeout(1000)
    assert not visit.heard


def test_another_origin_has_no_effect(browser: Any, served: Served, tmp_path: Path) -> None:
    """A page of another origin, in a browser that has the cookie."""
    (tmp_path / "evil.html").write_text("<!doctype html><title>evil</title>", "utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.address)
    page.goto(f"http://localhost:{other.server_port}/evil.html")
    found = page.evaluate(
        """async (address) => {
          const tried = [];
          for (const options of [
            { method: "POST", body: "{}", credentials: "include", mode: "no-cors" },
            { method: "POST", body: "{}", credentials: "include", headers: { "Content-Type": "application/json" } },
          ]) {
            try {
              const response = await fetch(`${address}/api/network/networks`, options);
              tried.push(response.type + (await response.text()));
            } catch { tried.push("refused"); }
          }
          const closed = await new Promise((resolve) => {
            const socket = new WebSocket(address.replace("http", "ws") + "/api/network/networks");
            socket.onopen = () => resolve("open");
            socket.onerror = () => resolve("refused");
          });
          return [...tried, closed];
        }""",
        f"http://{served.host}",
    )
    assert found == ["refused"] * 3
    context.close()
    other.shutdown()


@pytest.fixture(scope="module")
def written(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(session, tmp_path_factory.mktemp("snapshot"))[0]


def test_the_forward_pass_in_javascript_equals_pytorch(
    visit: Visit, served: Served, session: Session
) -> None:
    page = visit.open(served, "convolve")
    _, pixels = session.samples({})[0]
    recording = session.recording({"pixels": pack(pixels)["base64"]})
    found = page.evaluate(
        """async ([text, image]) => {
          const { forward } = await import("/static/lib/engine.js");
          const { unpack } = await import("/static/lib/backend.js");
          const graph = JSON.parse(text);
          graph.weights = graph.weights.map((packed) => unpack(packed).data);
          return forward(graph, unpack(image).data).map((values) => Array.from(values));
        }""",
        [json.dumps(pack(graph(recording))), pack(recording.image[0])],
    )
    for step, values in zip(recording.steps, found, strict=True):
        expected = step.output[0].numpy().ravel()
        assert np.abs(np.array(values) - expected).max() <= 1e-3 * np.abs(expected).max(), step.name


@pytest.mark.parametrize("way", ["disk", "host"])
def test_the_snapshot_opens_and_computes(
    visit: Visit, written: Path, way: str, served: Served, session: Session
) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(written.parent))
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    start = written.as_uri() if way == "disk" else f"http://127.0.0.1:{host.server_port}/index.html"
    page = visit.page
    page.goto(f"{start}#lang=en&/network")
    page.wait_for_selector(".chain .result", timeout=60_000)
    _, pixels = session.samples({})[0]
    recording = session.recording({"pixels": pack(pixels)["base64"]})
    best = float(recording.logits.softmax(1).max())
    assert page.locator(".bars .percent").first.text_content() == f"{100 * best:.1f}%"
    page.locator("[data-stage=block1]").click()
    page.wait_for_selector("h2:has-text('Stage block1')")
    page.wait_for_timeout(500)
    title = page.locator("section > h2").last.text_content()
    index = tuple(int(i) for i in re.findall(r"\d+", re.search(r"\[([^]]*)\]", title)[1]))
    shown = float(page.locator(".chain .result").last.text_content().replace("−", "-"))
    assert shown == pytest.approx(float(recording.last_of("block1").output[0][index]), rel=2e-3)
    page.goto(f"{start}#lang=zh&/edit")
    page.wait_for_selector(READY["edit"])
    began = page.locator(".bars").text_content()
    box = page.locator(".easel").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 250, steps=6)
    page.mouse.up()
    page.wait_for_function("(text) => document.querySelector('.bars').textContent !== text", arg=began)
    page.goto(f"{start}#/convolve")
    page.wait_for_selector(READY["convolve"])
    assert not visit.heard
    assert all(url.startswith((start.rpartition("/")[0], "blob:", "data:")) for url in visit.requested)
    host.shutdown()
