"""What a process keeps of a directory between two calls: which servers answer, connections for searching, and answers for a while."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

from configserver.engines.base import Refused, Verified
from configserver.engines.ldap.config import Address, LdapConfig, address_of
from configserver.engines.ldap.wire import Line
from configserver.engines.servers import Servers
from configserver.engines.slots import slots
from core.entropy import fingerprint, same

LINE_SECONDS = 30.0  # less than servers and firewalls leave an idle connection open
MOST_ANSWERS = 10_000
MOST_DIRECTORIES = 100
LAST_TIMES = 20


class Lines:
    """Connections of the service account that nobody uses at the moment."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: dict[str, list[Line]] = {}
        self._ended = False

    def take(self, server: str) -> Line | None:
        """One that is fresh, for nobody else to use until it is given back."""
        with self._lock:
            idle = self._idle.pop(server, [])
            fresh = [line for line in idle if _is_fresh(line)]
            line = fresh.pop() if fresh else None
            self._idle[server] = fresh
        for one in idle:
            if one is not line and one not in fresh:
                one.close()
        return line

    def give(self, line: Line) -> None:
        """Let others use it."""
        with self._lock:
            if not self._ended and _is_fresh(line):
                self._idle.setdefault(line.address.name, []).append(line)
                return
        line.close()

    def end(self) -> None:
        """Close all of them, and those that are still to come back."""
        with self._lock:
            self._ended = True
            lines = [line for idle in self._idle.values() for line in idle]
            self._idle.clear()
        for line in lines:
            line.close()


def _is_fresh(line: Line) -> bool:
    return time.monotonic() - line.opened_at < LINE_SECONDS


class Answers:
    """Right passwords, and the last wrong one of each person, for as long as the directory's settings say: as keyed fingerprints alone."""

    def __init__(self, *, right: float, wrong: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._right, self._wrong, self._clock = right, wrong, clock
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, bool], tuple[str, float, Verified | Refused]] = OrderedDict()
        self._forgot_at = float("-inf")

    @property
    def on(self) -> bool:
        """Whether anything is kept."""
        return self._right > 0 or self._wrong > 0

    def get(self, login: str, password: str) -> Verified | Refused | None:
        """What was answered to this password a short while ago."""
        if not self.on:
            return None
        mark, now = _mark(login, password), self._clock()
        with self._lock:
            for right in (True, False):
                kept, until, answer = self._kept.get((login, right), ("", 0.0, None))
                if until > now and same(kept, mark):
                    return answer
        return None

    def put(self, login: str, password: str, answer: Verified | Refused, *, asked_at: float) -> None:
        """Keep the answer to a question of that moment, if it is plainly right or wrong."""
        right = isinstance(answer, Verified)
        seconds = self._right if right else self._wrong
        if isinstance(answer, Verified):
            lasting = not answer.must_change and answer.grace_left is None
        else:
            lasting = answer.reason == Refused().reason
        if seconds <= 0 or not lasting:
            return
        mark = _mark(login, password)
        with self._lock:
            if asked_at <= self._forgot_at:
                return  # a password was changed since
            self._kept[login, right] = (mark, self._clock() + seconds, answer)
            self._kept.move_to_end((login, right))
            if len(self._kept) > MOST_ANSWERS:
                self._kept.popitem(last=False)

    def forget(self, login: str) -> None:
        """Keep nothing of this person, nor of what is being asked at this moment."""
        with self._lock:
            self._kept.pop((login, True), None)
            self._kept.pop((login, False), None)
            self._forgot_at = self._clock()


def _mark(login: str, password: str) -> str:
    return fingerprint(f"{login}\0{password}", purpose="directory-answer")


class Pace:
    """How long the last wrong passwords took, so that every other refusal can take as long.

    A server hashes a wrong password and writes the failure down; for a name that it does not know it does neither.
    """

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=LAST_TIMES)

    def note(self, seconds: float) -> None:
        """A wrong password took so long."""
        self._last.append(seconds)

    def hold(self, seconds: float) -> None:
        """Wait, after so many seconds, until as much time has passed as for one of the wrong ones; a waiting thread counts as a call."""
        last = list(self._last)
        if last and (rest := secrets.choice(last) - seconds) > 0:
            with slots().one() as room:
                if room:
                    time.sleep(rest)


class State:
    """All of it for one directory."""

    def __init__(self, config: LdapConfig) -> None:
        self.config = config
        self.servers = Servers(config.servers)
        found = (address_of(one, start_tls=config.start_tls) for one in config.servers)
        self.addresses: dict[str, Address] = {one.name: one for one in found if one is not None}
        self.lines, self.pace = Lines(), Pace()
        self.answers = Answers(right=config.cache_seconds, wrong=config.negative_cache_seconds)


_lock = Lock()
_states: OrderedDict[str, State] = OrderedDict()


def state_of(config: LdapConfig) -> State:
    """That of this process; with any other value of the configuration it begins anew."""
    with _lock:
        state = _states.get(config.id)
        if state is not None and state.config == config:
            return state
        gone = [state] if state is not None else []
        state = _states[config.id] = State(config)
        if len(_states) > MOST_DIRECTORIES:
            gone.append(_states.popitem(last=False)[1])
    for one in gone:
        one.lines.end()
    return state
