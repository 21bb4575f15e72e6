"""A few threads for an event loop, with little between them: the standard library's executor costs some 0.1 CPU-ms a task."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class _Task(Generic[Result]):
    __slots__ = ("done", "loop", "work")

    def __init__(self, work: Callable[[], Result], loop: asyncio.AbstractEventLoop) -> None:
        self.work, self.loop = work, loop
        self.done: asyncio.Future[Result] = loop.create_future()


class Threads:
    """At most so many threads, started when they are needed; used from one event loop at a time."""

    def __init__(self, most: int) -> None:
        self.busy = (
            0  # tasks that run or wait, also those whose caller has gone: a thread that hangs stays counted
        )
        self._most = most
        self._started = 0
        self._tasks: SimpleQueue[_Task[object]] = SimpleQueue()

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` gives in a thread. Whoever is cancelled while it waits for one has nothing done for it."""
        task = _Task(work, asyncio.get_running_loop())
        self.busy += 1
        if self._started < min(self.busy, self._most):
            self._started += 1
            threading.Thread(target=self._work, name=f"http-{self._started}", daemon=True).start()
        self._tasks.put(task)  # type: ignore[arg-type]
        return await task.done

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            result: object = None
            error: BaseException | None = None
            if not task.done.cancelled():
                try:
                    result = task.work()
                except BaseException as raised:  # it belongs to whoever asked; the thread goes on
                    error = raised
            with suppress(RuntimeError):  # the loop has ended
                task.loop.call_soon_threadsafe(self._finish, task, result, error)
            del task, result, error  # nothing of a request is held while waiting for the next

    def _finish(self, task: _Task[object], result: object, error: BaseException | None) -> None:
        self.busy -= 1
        if task.done.cancelled():
            return
        if error is None:
            task.done.set_result(result)
        else:
            task.done.set_exception(error)
