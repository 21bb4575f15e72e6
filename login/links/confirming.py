"""How somebody confirms that it is still him: by password, by passkey, or where there is neither by a code to the mailbox."""

from datetime import datetime

from accounts.models import Session, User
from accounts.sessions import Client
from core.outcomes import Denied
from login.links.admitting import has_mailbox
from login.links.mailed import ask_to_confirm
from login.models import Attempt
from login.refusals import NO_WAY_TO_CONFIRM
from login.service import begin_confirmation, may_use_passkey


def has_password(user: User) -> bool:
    """Whether there is a password to confirm by: here, or in the directory."""
    return user.is_external or user.has_usable_password()


def begin_to_confirm(
    session: Session, *, by_page: bool, client: Client, now: datetime, by_passkey: bool, target: str = ""
) -> tuple[Attempt, str] | Denied:
    """Begin to confirm who holds this session, in the way that there is; by default what was asked for."""
    user = session.user
    if has_password(user) or may_use_passkey(user):
        return begin_confirmation(
            session,
            by_page=by_page,
            client=client,
            now=now,
            target=target,
            by_passkey=by_passkey or not has_password(user),
        )
    if not has_mailbox(user):
        return NO_WAY_TO_CONFIRM
    return ask_to_confirm(session, by_page=by_page, client=client, now=now, target=target)
