"""Codes that a RADIUS server judges, asked through the engine of one of the directories of the Configuration Server."""

from datetime import datetime

from accounts.models import User
from configserver import service, where
from configserver.contract import About
from configserver.directories import Known, directory_of
from configserver.directory import Protocol
from configserver.engines.base import Challenge as Question
from configserver.engines.base import Refused, Verified
from core import sealed
from core.options import Snapshot
from core.sealed import NOTHING
from twofactor.methods.base import Again, Judged, Method, Right, Unavailable, Wrong
from twofactor.models import Challenge, FactorKind
from twofactor.options import RADIUS_DIRECTORY


def directory_for(settings: Snapshot) -> Known | None:
    """The directory that the setting names, if it may be asked."""
    uid = settings.text(RADIUS_DIRECTORY)
    known = directory_of(uid) if uid else None
    usable = known is not None and known.is_active and known.protocol == Protocol.RADIUS
    return known if usable else None


def proves_the_password(user: User, settings: Snapshot) -> bool:
    """Whether the directory of the setting is the very one that proves this person's password."""
    if not user.is_external or user.source_id is None:
        return False
    if where.remote() is not None:
        # Its directories are not ours, and asking it takes time: any RADIUS is taken for the same, for one proof must not count twice.
        return user.engine == Protocol.RADIUS
    found = service.about(user.source_id, environment=settings)
    return found is not None and found.engine == settings.text(RADIUS_DIRECTORY)


class Radius(Method):
    """A token whose codes the organisation's RADIUS server knows; it may ask more than once."""

    kind = FactorKind.RADIUS
    asks_outside = True

    def judge(
        self, given: str, challenge: Challenge, user: User, *, settings: Snapshot, now: datetime
    ) -> Judged:
        """What the server says of the code; to its second question, with what it wants back."""
        directory, login = directory_for(settings), _login_of(user, settings)
        if directory is None or login is None:
            return Unavailable(reason="no directory that can be asked" if login else "no name there")
        if challenge.state == NOTHING:
            outcome = directory.engine.verify(login, given)
        else:
            state = sealed.unseal(challenge, "state").decode()
            outcome = directory.engine.answer(login, state, given)
        if isinstance(outcome, Verified):
            return Right()
        if isinstance(outcome, Refused):
            return Wrong()
        if isinstance(outcome, Question):
            return Again(prompt=outcome.prompt, state=outcome.state.encode())
        return Unavailable(reason=outcome.reason)


def _login_of(user: User, settings: Snapshot) -> str | None:
    """The name under which the server knows the person; of somebody kept in the Configuration Server as its directories use it."""
    if not user.is_external:
        return user.username
    found = None if user.source_id is None else where.server().about(user.source_id, environment=settings)
    return found.login if isinstance(found, About) else None
