"""Changing one's own password in a session."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts import external
from accounts.checks import refuse_password
from accounts.limits import counted_name
from accounts.models import Session, User
from accounts.names import Realm
from accounts.notices import notify, verified_channels
from accounts.people import about, store_password
from accounts.proof import CURRENT_WRONG, TRY_AGAIN, prove
from accounts.rising import refuse_helped
from accounts.sessions import end_all, refuse_unconfirmed
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from core.outcomes import Denied

MEANWHILE = Denied(
    code="conflict", message=_("The password was changed in the meantime. Nothing was changed now.")
)


def change_own_password(
    session: Session, *, current: str, new: str, origin: Origin, now: datetime
) -> Denied | None:
    """Take a new password for the current one; the person's other sessions end, and the person is told.

    Whoever has none yet, because a link or an integration brought him, confirms by what he has instead.
    """
    if (denied := refuse_helped(session)) is not None:
        return denied
    user = User.objects.select_related("company").get(pk=session.user_id)
    realm = Realm(user.realm)
    name_key = counted_name(user.username, realm=realm, now=now)
    if realm == Realm.EXTERNAL:
        return _change_there(session, user, current, new, name_key=name_key, origin=origin, now=now)
    if user.has_usable_password():
        denied = prove(
            user,
            current,
            name_key=name_key,
            browser=session.browser,
            origin=origin,
            now=now,
        )
    else:
        denied = refuse_unconfirmed(session, now=now)
    if denied is not None:
        return CURRENT_WRONG if denied is TRY_AGAIN else denied
    denied = refuse_password(new, company_id=user.company_id, about=about(user), now=now, user=user)
    if denied is not None:
        return denied
    hashed = make_password(new)
    with unit():
        still = User.objects.select_for_update().filter(pk=user.pk, security_version=user.security_version)
        if not still.exists():
            return MEANWHILE
        store_password(user, hashed, must_change=False, now=now)
        record(Event.PASSWORD_CHANGED, origin=origin, at=now, company_id=user.company_id, subject=user)
        notify(user, to=verified_channels(user), sentence="password_changed", origin=origin, now=now)
        end_all(user, reason="password_changed", origin=origin, now=now, but=session)
    return None


def _change_there(
    session: Session, user: User, current: str, new: str, *, name_key: str, origin: Origin, now: datetime
) -> Denied | None:
    changed = external.change_password(
        user, current=current, new=new, name_key=name_key, browser=session.browser, origin=origin, now=now
    )
    if isinstance(changed, Denied):
        return CURRENT_WRONG if changed is TRY_AGAIN else changed
    external.note_password_changed(user, version=changed, origin=origin, now=now, but=session)
    return None
