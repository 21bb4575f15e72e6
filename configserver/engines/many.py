"""Many servers tested at once: by an administrator who wants to know what is wrong, and by the clock."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.utils import translation

from configserver.engines.base import Engine, Tested

Question = tuple[Engine, str]  # an engine, and one of its servers


def ask_all(
    questions: Sequence[Question], *, login: str = "", at_once: int, begun_within: float
) -> list[Tested]:
    """What each server says, in the order given; without a step where its turn did not come within so many seconds.

    It ends within `begun_within` and the longest time limit of these engines.
    """
    language, last_begin = translation.get_language() or "en", time.monotonic() + begun_within

    def ask(question: Question) -> Tested:
        engine, server = question
        if time.monotonic() > last_begin:
            return Tested(server=server, checks=())
        with translation.override(language):  # which a thread does not take over
            return engine.test(server, login=login)

    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="directory") as crowd:
        return list(crowd.map(ask, questions))
