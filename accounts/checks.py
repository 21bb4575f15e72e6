"""Whether a new password may be taken: the rules, the list of common ones, and the person's earlier ones."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password
from django.db.models import Q

from accounts.models import User
from configserver.options import password_rules
from configserver.password_rules import broken_by, in_words, refusal_of
from configserver.passwords import Broken, Rules
from core.outcomes import Denied
from core.throttle import Limit, take
from tenants.settings import snapshot

# Each one offered may cost a hash for every earlier password of the person, and so the time of everybody.
NEW_PASSWORDS = Limit(name="new-password", tries=20, window=timedelta(hours=1))


def rules_of(company_id: int | None) -> Rules:
    """The password rules of this company's people."""
    return password_rules(snapshot(company_id))


def rules_in_words(company_id: int | None) -> list[str]:
    """The rules to show before a password is typed."""
    return in_words(rules_of(company_id))


def refuse_password(
    password: str, *, company_id: int | None, about: Sequence[str], now: datetime, user: User | None = None
) -> Denied | None:
    """Why this password cannot be taken, or None. Hashes once for each earlier password: never call it inside a unit."""
    rules = rules_of(company_id)
    broken = broken_by(password, rules, about=about)
    if not broken and user is not None:
        if (refused := take(NEW_PASSWORDS, str(user.uid), now=now)) is not None:
            return refused
        if _was_used(password, user=user, last=rules.no_repeats):
            broken = [Broken("no_repeats", rules.repeats)]
    return refusal_of(broken)


def _was_used(password: str, *, user: User, last: int) -> bool:
    # The password in force is never a new one, whatever the rules say; nor is one that somebody else may know.
    hashes = [user.password] if user.has_usable_password() else []
    newest = list(user.used_passwords.values_list("pk", flat=True)[:last]) if last else []
    hashes += user.used_passwords.filter(Q(is_void=True) | Q(pk__in=newest)).values_list(
        "password", flat=True
    )
    return any(check_password(password, one) for one in dict.fromkeys(hashes))
