"""Explain a sign-in, from the name to the second factor: for the administration and for programs."""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts import explain as accounts
from accounts.explain import Explained
from accounts.names import masked_email
from core.findings import Finding, ok, stop, warning
from tenants.actor import Actor
from tenants.rights import Rights
from tenants.settings import snapshot
from twofactor.options import NO_CONTACT, POLICY
from twofactor.policy import strictest


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
    turned_on = told.user is not None and told.user.factors.exists()
    if policy == "optional" and not turned_on:
        return ok("factor", _("A second factor is asked of whoever turned one on, and this person has not."))
    if told.user is not None and told.user.email and told.user.email_verified_at:
        return ok(
            "factor",
            _("A second factor is asked for: a code that goes to %(address)s.")
            % {"address": masked_email(told.user.email)},
        )
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
