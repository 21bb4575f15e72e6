"""Explain a sign-in, from the name to the second factor: for the administration and for programs."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts import explain as accounts
from accounts.explain import Explained
from accounts.models import User
from accounts.names import masked_email
from core.findings import Finding, ok, stop, warning
from tenants.actor import Actor
from tenants.rights import Rights
from tenants.settings import snapshot
from twofactor.methods import kind_of, method_of
from twofactor.models import FactorKind
from twofactor.options import NO_CONTACT, POLICY, RADIUS_DIRECTORY
from twofactor.policy import SPARE, is_needed, strictest
from twofactor.services.asked import turned_on, ways_of
from twofactor.services.provided import is_cut_off, known_of

_SERVICE_IS_ASKED = _lazy(
    "The verification service is asked at the sign-in which ways it has for the person; while it does not answer, nobody is let in "
    "for want of them."
)


def may_explain(rights: Rights) -> bool:
    """Whether somebody may have sign-ins explained: those of people whom he may see."""
    return rights.may("view", "user")


def explain_sign_in(
    name: str, *, realm: str = "", ask: bool = False, by: Actor, now: datetime
) -> tuple[Finding, ...]:
    """Everything that a sign-in by this name would meet, in its order. No password is asked for; nothing is counted or changed.

    Only `ask` reaches out: then a directory that can look people up is asked now, which counts as a test of it.
    """
    told = accounts.explain(name, realm=realm, ask=ask, by=by, now=now)
    return (*told.findings, _second_factor(told)) if told.known else told.findings


def _second_factor(told: Explained) -> Finding:
    settings = snapshot(told.company.pk if told.company is not None else None)
    policy = strictest([settings.text(POLICY), *told.policies])
    if policy == "off":
        return ok("factor", _("No second factor is asked for."))
    if told.factor_proved:
        return ok(
            "factor", _("A second factor is asked for only of whoever answered no question of the directory.")
        )
    kinds = turned_on(told.user) if told.user is not None else []
    if not is_needed(policy, turned_on=any(kind != SPARE for kind in kinds)):
        return ok("factor", _("A second factor is asked of whoever turned one on, and this person has not."))
    provided = known_of(settings)
    if is_cut_off(settings):
        return warning(
            "factor",
            _(
                "The RADIUS directory of the setting %(name)s is switched off or gone, so nobody's token can be checked."
            )
            % {"name": RADIUS_DIRECTORY.name},
        )
    ways = ways_of(told.user, settings, provided=provided) if told.user is not None else ()
    if ways and told.user is not None:
        named = [_named(way, told.user) for way in ways]
        sentence = _("A second factor is asked for: %(ways)s.") % {"ways": ", ".join(named)}
        return ok("factor", f"{sentence} {_SERVICE_IS_ASKED}" if provided.unknown else sentence)
    if provided.unknown:
        return warning("factor", _("A second factor is asked for.") + f" {_SERVICE_IS_ASKED}")
    if provided.ways:
        return ok("factor", _("A second factor is asked for: %(ways)s.") % {"ways": FactorKind.RADIUS.label})
    without = settings.text(NO_CONTACT)
    if without == "deny" or (without == "enrol" and not told.email):
        return stop(
            "factor", _("A second factor is asked for, and there is no verified address for the code.")
        )
    if without == "enrol":
        return warning(
            "factor",
            _("A second factor is asked for: at the sign-in the person verifies %(address)s first.")
            % {"address": masked_email(told.email)},
        )
    return warning(
        "factor",
        _("A second factor is asked for, but without a verified address the sign-in goes on without."),
    )


def _named(way: str, user: User) -> str:
    label = method_of(way).label(user)
    name = str(FactorKind(kind_of(way)).label)
    return f"{name} ({label})" if label else name
