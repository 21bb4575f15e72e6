"""unit(): one unit of work, one transaction. The only place with atomic()."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction


@dataclass
class Unit:
    """A transaction under way; what is registered by `last` runs as its last statements, once for each key."""

    _last: dict[str, Callable[[], object]] = field(default_factory=dict)
    _gathered: dict[str, list[Any]] = field(default_factory=dict)
    _is_finishing: bool = False

    def last(self, key: str, run: Callable[[], object]) -> None:
        """Run `run` at the end of this transaction; a second registration under the same key is the same one."""
        if self._is_finishing:
            raise RuntimeError(f"{key}: too late, the last statements of this unit are running.")
        self._last.setdefault(key, run)

    def gather(self, key: str, value: Any, use: Callable[[list[Any]], object]) -> None:
        """Collect `value` with the others under this key; `use` gets them all, in order, at the end of this transaction."""
        values = self._gathered.setdefault(key, [])
        values.append(value)
        self.last(key, lambda: use(values))

    def _finish(self) -> None:
        self._is_finishing = True
        # Always in the same order: two transactions that took the locks of these steps in another order would deadlock.
        for key in sorted(self._last):
            self._last[key]()


_current: ContextVar[Unit | None] = ContextVar("unit", default=None)


@contextmanager
def unit() -> Iterator[Unit]:
    """Everything inside happens, or nothing. A unit inside a unit joins it. Never hold one over a hash or the network."""
    if (running := _current.get()) is not None:
        # Marks the transaction as lost when this part fails, so that nobody can catch the error and commit the other part.
        with transaction.atomic(savepoint=False):
            yield running
        return
    with transaction.atomic(durable=True):
        started = Unit()
        reset = _current.set(started)
        try:
            yield started
            if transaction.get_rollback():
                raise RuntimeError(
                    "A part of this unit failed and its error was caught inside; nothing was written."
                )
            started._finish()
        finally:
            _current.reset(reset)


def current_unit() -> Unit | None:
    """The unit under way in this thread, if any."""
    return _current.get()


def after_commit(run: Callable[..., None], *args: object) -> None:
    """Call `run` once the transaction under way is safely on disk; not at all if it is rolled back."""
    transaction.on_commit(partial(run, *args))
