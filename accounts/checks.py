"""Whether a new password may be taken: the pure rules, the list of common ones, and the person's earlier ones."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.models import User
from configserver.options import password_rules
from configserver.passwords import Broken, Rules, asked_for, broken_rules
from core.outcomes import Denied
from core.throttle import Limit, take
from tenants.settings import snapshot

# Each one offered may cost a hash for every earlier password of the person, and so the time of everybody.
NEW_PASSWORDS = Limit(name="new-password", tries=20, window=timedelta(hours=1))

_SENTENCES: dict[str, str | Promise] = {
    "max_length": _("Use at most %(number)s characters."),
    "common": _(
        "Choose one that is not easily guessed: no common password, and not made of your name or address."
    ),
    "alpha": _("Use at least one letter."),
    "mixed_case": _("Use both small and capital letters."),
    "number": _("Use at least one digit."),
    "punctuation": _("Use at least one character that is no letter and no digit."),
}


def sentence(broken: Broken) -> str:
    """The rule in plain words."""
    if broken.rule == "min_length":
        return str(
            ngettext_lazy(
                "Use at least %(number)s character.", "Use at least %(number)s characters.", broken.number
            )
        ) % {"number": broken.number}
    if broken.rule == "no_repeats":
        return str(
            ngettext_lazy("Not your last password.", "None of your last %(number)s passwords.", broken.number)
        ) % {"number": broken.number}
    return str(_SENTENCES[broken.rule]) % {"number": broken.number}


@cache
def common_passwords() -> frozenset[str]:
    """The twenty thousand most common passwords, from the list that comes with Django."""
    return frozenset(CommonPasswordValidator().passwords)


def rules_of(company_id: int | None) -> Rules:
    """The password rules of this company's people."""
    return password_rules(snapshot(company_id))


def rules_in_words(company_id: int | None) -> list[str]:
    """The rules to show before a password is typed."""
    return [sentence(one) for one in asked_for(rules_of(company_id))]


def refuse_password(
    password: str, *, company_id: int | None, about: Sequence[str], now: datetime, user: User | None = None
) -> Denied | None:
    """Why this password cannot be taken, or None. Hashes once for each earlier password: never call it inside a unit."""
    rules = rules_of(company_id)
    broken = broken_rules(
        password, rules, common=common_passwords(), about=tuple(word for word in about if word)
    )
    if not broken and user is not None:
        if (refused := take(NEW_PASSWORDS, str(user.uid), now=now)) is not None:
            return refused
        if _was_used(password, user=user, last=rules.no_repeats):
            broken = [Broken("no_repeats", rules.repeats)]
    if not broken:
        return None
    return Denied(
        code="password_rules", field="new_password", message=" ".join(sentence(one) for one in broken)
    )


def _was_used(password: str, *, user: User, last: int) -> bool:
    # The password in force is never a new one, whatever the rules say.
    hashes = [user.password] if user.has_usable_password() else []
    if last:
        hashes += user.used_passwords.values_list("password", flat=True)[:last]
    return any(check_password(password, one) for one in dict.fromkeys(hashes))
