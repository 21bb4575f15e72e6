"""What every answer is held against."""

import re
from dataclasses import dataclass
from typing import Any

from tests.isolation.database import changes, state, written
from tests.isolation.entries import Entry
from tests.isolation.them import FOR_ALL, SECRET, Nothing, Things
from tests.isolation.visits import Answer, Call, Case, Sort, Visitor, undone
from tests.isolation.world import World

GONE = frozenset({404, 405})
# What a stranger is told anywhere: to sign in first.
STRANGER = frozenset({302, 401, *GONE})


@dataclass(frozen=True)
class Walk:
    """One person reaching for somebody's objects."""

    visitor: str
    target: str  # whose objects are reached for
    own: str = "globex"
    leaves_out: frozenset[Sort] = frozenset()
    seen: str = (
        ""  # of the texts of the target, what this person may know: his own company's and his own name
    )

    def __str__(self) -> str:
        return f"{self.visitor} reaching for {self.target}"


_OTHERS = frozenset({Sort.REFERS, Sort.ASKS})
WALKS = (
    Walk("cleo", "acme"),
    Walk("carl", "acme", leaves_out=_OTHERS),
    Walk("nora", "acme", leaves_out=_OTHERS),
    Walk("dora", "acme", leaves_out=_OTHERS),
    Walk("nobody", "acme", leaves_out=frozenset({Sort.ASKS})),
    Walk("ben", "acme", leaves_out=frozenset({Sort.ASKS}), seen="acmemark-(?:company|ben|csite)"),
    Walk("ada", "installation", own="acme", leaves_out=frozenset({Sort.ASKS})),
)


def secrets_of(them: Things, *, seen: str) -> re.Pattern[str]:
    """What must not stand in an answer: any text, id or number of these objects, and what nobody is ever shown."""
    # The id of a company is no secret (a permission of one's own people may name it), nor is what all companies share.
    hidden = {
        kind: obj for kind, obj in them.objects.items() if kind != "company" and not them.is_shared(kind)
    }
    # The form of a person offers every role of the Configuration Server: by its name, under its number, and tells no more of it.
    numbered = [obj for kind, obj in hidden.items() if kind not in FOR_ALL]
    ids = [them.uid(kind) for kind in hidden] + [str(obj.pk) for obj in (*numbered, *them.more)]
    texts = rf"(?!{seen}){them.word}-" if seen else f"{them.word}-"
    sealed = re.escape(them.objects["directory"].secret.text)
    return re.compile(rf"{texts}|{SECRET}|{sealed}|\b(?:{'|'.join(map(re.escape, ids))})\b")


class Judge:
    """Sends a request in two versions, for objects that are there and for others that are not, and compares."""

    def __init__(
        self, world: World, walk: Walk, visitor: Visitor, entry: Entry, *, there: Things | None = None
    ) -> None:
        self._world, self._walk, self._visitor, self._entry = world, walk, visitor, entry
        self._there = there or world.them(walk.target)
        self._not_there = Nothing(self._there)
        self._secrets = secrets_of(self._there, seen=walk.seen)
        self._before = state()
        self.found: list[str] = []

    def hear(self, case: Case) -> None:
        """Send both versions and keep what is wrong with the answers."""
        if case.sort in self._walk.leaves_out:
            return
        call = case.make(self._there)
        answer = self._sent(call)
        other = case.make(self._not_there)
        wrong = [*self._broken(answer), *self._told(call, answer)]
        if (
            case.sort is Sort.NAMES
            and not self._there.is_shared(self._entry.kind)
            and answer.status not in self._allowed()
        ):
            wrong.append(f"the answer is {answer.status}, not 404")
        if other != call:
            wrong += self._difference(answer.without(call, self._there, word=True), other)
        self.found += [f"{call}: {one}" for one in wrong]

    def opens(self, case: Case, own: Things) -> bool:
        """Whether one's own object is there at the same address; doing something to it must not touch anybody else's."""
        call = case.make(own)
        with undone():
            answer = self._visitor.send(call)
            touched = changes(self._before, state(), only=self._world.acme_rows)
        self.found += [
            f"{call}: {one}" for one in (*touched, *self._broken(answer), *self._told(call, answer))
        ]
        return answer.status not in GONE

    def _sent(self, call: Call) -> Answer:
        with undone():
            count = written()
            answer = self._visitor.send(call)
            touched = (
                changes(self._before, state(), but=self._entry.tables)
                if count is None or count != written()
                else []
            )
        self.found += [f"{call}: {one} (answer {answer.status})" for one in touched]
        return answer

    def _allowed(self) -> frozenset[int]:
        return STRANGER if self._visitor.user is None else GONE

    def _broken(self, answer: Answer) -> list[str]:
        return [f"the server failed with {answer.status}"] if answer.status >= 500 else []

    def _told(self, call: Call, answer: Answer) -> list[str]:
        clean = answer.without(call, self._there, word=False)
        text = f"{clean.headers} {clean.text}"
        told = self._secrets.search(text)
        return [f"the answer tells …{text[max(0, told.start() - 60) : told.end() + 40]}…"] if told else []

    def _difference(self, answer: Answer, other: Call) -> list[str]:
        """What tells an object that is there from one that is not."""
        second = self._sent(other).without(other, self._not_there, word=True)
        for what in ("status", "headers", "text"):
            one, two = getattr(answer, what), getattr(second, what)
            if one != two:
                return [f"its {what} differs from that for what is not there: {_where(one, two)}"]
        return []


def _where(one: Any, two: Any) -> str:
    first, second = str(one), str(two)
    at = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )
    return f"…{first[max(0, at - 60) : at + 60]}… and …{second[max(0, at - 60) : at + 60]}…"
