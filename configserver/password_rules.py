"""Rules about passwords in plain words, and the list of common ones."""

from collections.abc import Sequence
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from configserver.passwords import Broken, Rules, asked_for, broken_rules
from core.outcomes import Denied

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


def in_words(rules: Rules) -> list[str]:
    """The rules to show before a password is typed."""
    return [sentence(one) for one in asked_for(rules)]


@cache
def common_passwords() -> frozenset[str]:
    """The twenty thousand most common passwords, from the list that comes with Django."""
    return frozenset(CommonPasswordValidator().passwords)


def broken_by(password: str, rules: Rules, *, about: Sequence[str]) -> list[Broken]:
    """Every rule that this password breaks; `about` are words of the person that it may not consist of."""
    return broken_rules(
        password, rules, common=common_passwords(), about=tuple(word for word in about if word)
    )


def refusal_of(broken: Sequence[Broken]) -> Denied | None:
    """The refusal of a password that breaks these rules."""
    if not broken:
        return None
    return Denied(
        code="password_rules", field="new_password", message=" ".join(sentence(one) for one in broken)
    )
