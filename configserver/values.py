"""What the Configuration Server says of a person: the one answer of `authenticate`, the same whether it is embedded or remote."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a permission opens: objects of one kind, in companies that are named by the DBID of their tenant."""

    kind: str
    reach: str  # own, one or every
    tenant: int | None = (
        None  # with the reach `one`; with `own` the one whose administrators gave it, if it was given by name
    )


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a role, or a person's own permissions, give."""

    name: str = ""
    rank: int = 0
    privileges: frozenset[tuple[str, str]] = frozenset()  # (application, name)
    permissions: tuple[Opened, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person whose password is proved, with everything that the portal needs to know."""

    id: UUID  # stays, whatever becomes of the name
    version: int
    name: str
    display_name: str
    email: str
    phone: str
    tenant: int | None  # DBID; None: the directory named one that there is not
    engine: str  # internal, ldap or radius
    roles: tuple[Granted, ...]
    own: Granted  # what was given to the person alone
    must_change: bool = False
    may_change: bool = False  # whether the person's password can be changed through us
    factor_proved: bool = False  # the directory's questions stand for the second factor
    grace_left: int | None = None
    expires_in: int | None = None  # seconds


@dataclass(frozen=True, kw_only=True)
class Question:
    """The directory has one more question for this person."""

    person: UUID
    prompt: str
    state: str
    echo: bool = False
