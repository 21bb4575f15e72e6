"""Many threads at the same moment, each with its own connection to the database."""

import threading
from collections.abc import Callable

from django.db import connections


def in_parallel(threads: int, work: Callable[[int], None], *, seconds: float = 60) -> None:
    """Let so many threads do this at the same moment; the first error is raised."""
    together, errors = threading.Barrier(threads), list[BaseException]()

    def run(number: int) -> None:
        together.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds)
    if errors:
        raise errors[0]
