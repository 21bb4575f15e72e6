"""Single sign-on by the token of an integration (mission K3): checked and spent, then the person says in his own browser that he means it.

Without that, a site could sign its visitors in as somebody else behind their backs (login CSRF, attack 31).
"""

from datetime import datetime

from accounts.names import Realm
from accounts.sessions import Client
from accounts.tokens.foreign import Flawed
from accounts.vouching import person_once, verified
from core.http import network_of
from core.outcomes import Denied
from core.throttle import take
from login.flow import Purpose
from login.models import Attempt
from login.service import BEGIN, open_attempt


def begin_vouched(
    token: str, *, client: Client, now: datetime, target: str = ""
) -> tuple[Attempt, str] | Denied:
    """Begin a sign-in with the token of an integration, which is spent by it."""
    if (refused := take(BEGIN, network_of(client.address), now=now)) is not None:
        return refused
    found = verified(token, address=client.address, now=now)
    if isinstance(found, Flawed):
        return found
    user = person_once(found, address=client.address, now=now)
    if isinstance(user, Flawed):
        return user
    vouched = found.vouched
    return open_attempt(
        purpose=Purpose.SSO,
        name=user.username,
        realm=Realm(user.realm),
        user=user,
        by_page=True,
        client=client,
        now=now,
        target=target,
        integration_key=vouched.key,
        grant=vouched.grant,
        until=vouched.until,
    )
