"""The same thing done fifty times at once, each in a thread with a connection of its own."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import TypeVar

from django.db import connection

AT_ONCE = 50
Result = TypeVar("Result")


def at_once(do: Callable[[int], Result], *, times: int = AT_ONCE) -> list[Result]:
    """What every one of them got."""
    results: list[Result] = []
    failures: list[BaseException] = []
    start = Barrier(times)

    def run(number: int) -> None:
        try:
            start.wait(30)
            results.append(do(number))
        except BaseException as error:  # told to the test, which would not hear of it
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
    return results
