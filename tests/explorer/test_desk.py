"""A few computations at once, and of each page only the newest."""

import asyncio
import threading
import time

import pytest

from decanet.explorer.desk import Desk, Superseded


def test_a_newer_question_replaces_those_that_wait_and_that_run() -> None:
    ran = []

    async def main() -> list[object]:
        desk = Desk(most=1)

        def compute(number: int) -> int:
            ran.append(number)
            time.sleep(0.05)
            return number

        first = asyncio.create_task(desk.run("page", lambda: compute(1)))
        await asyncio.sleep(0.02)  # it runs
        second = asyncio.create_task(desk.run("page", lambda: compute(2)))
        await asyncio.sleep(0)  # it waits
        third = asyncio.create_task(desk.run("page", lambda: compute(3)))
        return await asyncio.gather(first, second, third, return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert isinstance(first, Superseded)
    assert isinstance(second, Superseded)
    assert third == 3
    assert ran == [1, 3]


def test_pages_do_not_replace_each_other_and_few_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def compute() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    async def main() -> None:
        desk = Desk(most=2)
        await asyncio.gather(*(desk.run(f"page {i}", compute) for i in range(20)))

    asyncio.run(main())
    assert most == 2


def test_errors_reach_the_page_that_asked() -> None:
    async def main() -> None:
        await Desk().run("page", lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
