"""The sorts of address that there are, and the requests that each is visited with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from tests.isolation.cases import of_list, of_new, of_object, plain
from tests.isolation.routes import Route
from tests.isolation.them import Them
from tests.isolation.visits import Call, Case, Sort, Visitor

Bodies = tuple[Callable[[Them], Any], ...]
OF_INSTALLATION = "Of no company, and only for those who see every one."


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How one address is visited, and what may come of it."""

    sort: str
    kind: str = ""
    why: str = ""
    arguments: tuple[dict[str, str], ...] = ({},)
    sends: Bodies = ()
    writes: tuple[type[Model], ...] = ()
    more: Callable[[Route], Iterator[Case]] | None = None

    @property
    def tables(self) -> frozenset[str]:
        """The tables in which the caller's own doing shows."""
        return frozenset(model._meta.db_table for model in self.writes)

    def cases(self, route: Route, visitor: Visitor, own: Them) -> Iterator[Case]:
        """The requests that the address is visited with."""
        if self.sort == "the":
            yield from of_object(route, self.kind, visitor, own)
        elif self.sort == "every":
            yield from of_list(route, self.kind, visitor, own)
        elif self.sort == "new":
            yield from of_new(route, self.kind, visitor, own)
        else:
            for arguments in self.arguments:
                yield from plain(route, **arguments)
        for arguments in self.arguments if self.sends else ():
            for body in self.sends:
                yield Case(
                    Sort.REFERS,
                    lambda them, body=body, arguments=arguments: Call(
                        "POST", route.path(**arguments), data=body(them)
                    ),
                )
        if self.more is not None:
            yield from self.more(route)


def the(kind: str, **more: Any) -> Entry:
    """The address names one object of this kind."""
    return Entry(sort="the", kind=kind, **more)


def every(kind: str, **more: Any) -> Entry:
    """A list of objects of this kind."""
    return Entry(sort="every", kind=kind, **more)


def new(kind: str, **more: Any) -> Entry:
    """The form of a new object of this kind."""
    return Entry(sort="new", kind=kind, **more)


def closed(why: str, kind: str = "") -> Entry:
    """Open to nobody; `kind` when the address names an object."""
    return Entry(sort="the", kind=kind, why=why) if kind else Entry(sort="closed", why=why)


def of_installation(kind: str) -> Entry:
    """The address names an object that belongs to no company, and is there only for those who see every one."""
    return closed(OF_INSTALLATION, kind)


def own(why: str, **more: Any) -> Entry:
    """What is said and done here concerns the caller alone."""
    return Entry(sort="own", why=why, **more)


def door(why: str, **more: Any) -> Entry:
    """Open to everybody."""
    return Entry(sort="door", why=why, **more)
