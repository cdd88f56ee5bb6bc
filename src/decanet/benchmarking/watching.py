"""What it costs a training to be watched: blocks of time with and without a viewer alternate within one training.

The viewer is a process that asks the explorer's server for what is new as the page does, and draws nothing: what a
browser draws on the same processor would be measured with it otherwise.
"""

import http.client
import json
import multiprocessing
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch

from decanet.benchmarking.explorer import TOKEN
from decanet.benchmarking.timing import about, conditions, markdown_table
from decanet.core.errors import DecanetError, UsageError
from decanet.core.progress import Report
from decanet.experiments.statistics import paired_difference
from decanet.explorer.server import serving
from decanet.explorer.session import Session
from decanet.explorer.training import UNWATCHED, Watched
from decanet.training.start import DataSource

WHAT = "activation/relu"  # an arm whose steps are all alike: no growing images, no selection
SECONDS = 8.0  # of a block
OFTEN = 0.5  # seconds between two questions, as on the page


def measure(report: Report, *, cache: Path, blocks: int = 10) -> dict[str, Any]:
    """Measure steps per second in ``blocks`` watched and as many unwatched blocks that alternate.

    The training is begun again where it ends before the last block; a block that it ends is measured again.

    Args:
        report: receives progress.
        cache: folder of the data sets.
        blocks: of each kind, at least two.

    Raises:
        UsageError: less than two blocks.
        DecanetError: the training failed.
    """
    if blocks < 2:
        raise UsageError(f"--blocks {blocks}: an interval needs at least 2")
    measured: dict[str, Any] = conditions() | {"what": WHAT, "block_seconds": SECONDS, "pairs": []}
    with tempfile.TemporaryDirectory() as runs:
        session = Session("decanet_s", torch.device("cpu"), cache, Path(runs))
        measured["pairs"] = _pairs(session, blocks, report)
    slower = [100 * (pair["unwatched"] / pair["watched"] - 1) for pair in measured["pairs"]]
    difference = paired_difference(slower)
    measured["slower_pct"] = {"mean": difference.mean, "low": difference.low, "high": difference.high}
    return measured


def _pairs(session: Session, blocks: int, report: Report) -> list[dict[str, float]]:
    """Return steps per second of a watched and an unwatched block, ``blocks`` times."""
    context = multiprocessing.get_context("spawn")
    looking, seen = context.Event(), context.Value("i", 0)
    pairs: list[dict[str, float]] = []
    pair: dict[str, float] = {}
    with serving(session, TOKEN) as port:
        viewer = context.Process(target=_view, args=(f"127.0.0.1:{port}", looking, seen), daemon=True)
        viewer.start()
        while len(pairs) < blocks:
            training = _running(session)
            # W U, U W, W U: neither is always the first.
            kind = "watched" if len(pair) == len(pairs) % 2 else "unwatched"
            (looking.set if kind == "watched" else looking.clear)()
            time.sleep(UNWATCHED + 0.5)
            before = seen.value
            if (rate := _steps_per_second(training)) is None:
                continue
            if (seen.value > before) != (kind == "watched"):
                raise DecanetError(f"the viewer had {seen.value - before} answers in a block that is {kind}")
            pair[kind] = rate
            if len(pair) == 2:
                pairs.append(pair)
                pair = {}
                report.progress("watching", len(pairs), blocks, "pairs of blocks")
        viewer.terminate()
    return pairs


def _running(session: Session) -> Watched:
    """Return the training, begun again where it has ended."""
    training = session.trainings.get(0)
    if training is not None and training.state == "failed":
        raise DecanetError(training.trouble)
    if training is None or not training.running or training.state == "evaluating":
        if training is not None:
            training.join(120)
        training = Watched(WHAT, session.device, DataSource(session.cache, fallback="digits"), session.runs)
        session.trainings[0] = training
        training.begin()
        while training.step < 20 and training.running:  # the first steps prepare kernels
            time.sleep(0.05)
    return training


def _steps_per_second(training: Watched) -> float | None:
    """Return the rate from one step to another, at least ``SECONDS`` apart; None where the training ended before."""
    first = _next_step(training)
    begin = time.perf_counter()
    time.sleep(SECONDS)
    last = _next_step(training)
    end = time.perf_counter()
    return None if first is None or last is None else (last - first) / (end - begin)


def _next_step(training: Watched) -> int | None:
    step = training.step
    while training.step == step:
        if training.state != "training":
            return None
        time.sleep(0.0005)
    return training.step


def _view(host: str, looking: Event, seen: "Synchronized[int]") -> None:
    """Ask like the page, while told to; a new training is asked about from its beginning."""
    _, headers = _answer(host, "GET", f"/?token={TOKEN}", {})
    cookie = headers["set-cookie"].partition(";")[0]
    own = {"Cookie": cookie, "Origin": f"http://{host}", "X-Page": "viewer"}
    lines, look = 0, -1
    while True:
        time.sleep(OFTEN)
        if not looking.is_set():
            continue
        question = json.dumps({"id": 0, "since": lines, "look": look})
        body, _ = _answer(host, "POST", "/api/train/state", own, question)
        answer = json.loads(body)
        seen.value += 1
        lines = lines + len(answer["lines"]) if answer["step"] > 0 else 0
        look = answer["look"]["step"] if "look" in answer else look


def _answer(
    host: str, method: str, path: str, headers: dict[str, str], body: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an answer. A connection of its own: the server ends those that rest for seconds."""
    connection = http.client.HTTPConnection(host)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def table(measured: dict[str, Any]) -> str:
    """Format the measurement as Markdown."""
    rows = [
        {
            "pair": number, "watched, steps/s": f"{pair['watched']:.2f}",
            "unwatched, steps/s": f"{pair['unwatched']:.2f}",
            "slower": f"{100 * (pair['unwatched'] / pair['watched'] - 1):+.2f}%",
        }
        for number, pair in enumerate(measured["pairs"], start=1)
    ]  # fmt: skip
    slower = measured["slower_pct"]
    return (
        f"A training of `{measured['what']}`, watched and not, in blocks of {measured['block_seconds']:g} s in turn "
        f"within one training. Being watched costs **{slower['mean']:.2f}%** of the speed (95% interval "
        f"{slower['low']:.2f} to {slower['high']:.2f}).\n\n{markdown_table(rows)}\n\n{about(measured)}"
    )
