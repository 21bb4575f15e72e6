"""The threads of the HTTP door: a caller may go, what hangs stays counted, and what fails harms nobody else."""

import asyncio
import threading

import pytest

from portal.threads import Threads


def test_a_thread_that_hangs_stays_counted_when_its_caller_has_gone() -> None:
    async def scene() -> None:
        threads, hanging = Threads(2), threading.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.run(hanging.wait), 0.02)
        assert threads.busy == 1
        assert await threads.run(lambda: 7) == 7  # the other thread answers
        hanging.set()
        async with asyncio.timeout(5):
            while threads.busy:
                await asyncio.sleep(0.005)

    asyncio.run(scene())


def test_nothing_is_done_for_a_caller_who_has_gone_while_it_waited() -> None:
    async def scene() -> None:
        threads, hanging, done = Threads(1), threading.Event(), list[str]()
        first = asyncio.create_task(threads.run(hanging.wait))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.run(lambda: done.append("for nobody")), 0.02)
        hanging.set()
        await first
        await threads.run(lambda: done.append("for me"))
        assert (done, threads.busy) == (["for me"], 0)

    asyncio.run(scene())


def test_an_error_reaches_its_caller_and_the_thread_goes_on() -> None:
    async def scene() -> None:
        threads = Threads(1)
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        assert await threads.run(lambda: 7) == 7

    asyncio.run(scene())
