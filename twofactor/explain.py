"""Explain a sign-in, from the name to the second factor: for the administration and for programs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts import explain as accounts
from accounts.explain import Explained
from accounts.models import User
from accounts.names import Realm
from core.findings import Finding, Verdict, ok
from core.options import Snapshot
from tenants.actor import Actor
from tenants.rights import Rights
from tenants.settings import snapshot
from twofactor.methods import METHODS, kind_of, method_of
from twofactor.models import FactorKind
from twofactor.options import POLICY, RADIUS_DIRECTORY
from twofactor.policy import CONTACTS, strictest
from twofactor.services.asked import enrollable, ways_of
from twofactor.services.outcome import Outcome, outcome_of
from twofactor.services.provided import asks_service, is_cut_off, known_of

_SERVICE_IS_ASKED = __(
    "The verification service is asked at the sign-in which ways it has for the person; while it does not answer, nobody is let in "
    "for want of them."
)
_IF_IT_HAS_NONE = {
    Outcome.ENROL: __("If it has none, the person turns a first one on at the sign-in."),
    Outcome.ALLOWED: __("If it has none, the sign-in goes on without."),
    Outcome.HELPED: __("If it has none, an administrator has to make sure of the person."),
    Outcome.DENIED: __("If it has none, the sign-in ends there."),
}


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
    return (*told.findings, factor_of(told)) if told.known else told.findings


def factor_of(told: Explained) -> Finding:
    """What the sign-in does about a second factor."""
    settings = snapshot(told.company.pk if told.company is not None else None)
    policy = strictest([settings.text(POLICY), *told.policies])
    if policy == "off":
        return ok("factor", _("No second factor is asked for."))
    if told.factor_proved:
        return ok(
            "factor", _("A second factor is asked for only of whoever answered no question of the directory.")
        )
    user = told.user if told.user is not None else _newcomer(told)
    outcome = outcome_of(user, policy=policy, settings=settings)
    if outcome is Outcome.NOT_ASKED:
        return ok("factor", _("A second factor is asked of whoever turned one on, and this person has not."))
    sentence = " ".join(_sentences(outcome, user, settings))
    return Finding(about="factor", verdict=_verdict(outcome, settings), sentence=sentence)


def _newcomer(told: Explained) -> User:
    """The account that the first sign-in would make."""
    return User(realm=Realm.EXTERNAL, email=told.email, phone=told.phone, company=told.company)


def _verdict(outcome: Outcome, settings: Snapshot) -> Verdict:
    if outcome is Outcome.ASKED and not is_cut_off(settings):
        return Verdict.OK
    # Whether it would end there, only the service can say.
    return Verdict.STOP if outcome is Outcome.DENIED and not asks_service(settings) else Verdict.WARNING


def _sentences(outcome: Outcome, user: User, settings: Snapshot) -> Iterator[str]:
    is_open = outcome is not Outcome.ASKED and asks_service(settings)
    yield _("A second factor is asked for.") if is_open else _decided(outcome, user, settings)
    if asks_service(settings):
        yield str(_SERVICE_IS_ASKED)
    if is_open:
        yield str(_IF_IT_HAS_NONE[outcome])
    if is_cut_off(settings):
        sentence = _(
            "The RADIUS directory of the setting %(name)s is switched off or gone, so nobody's token can be checked."
        )
        yield sentence % {"name": RADIUS_DIRECTORY.name}


def _decided(outcome: Outcome, user: User, settings: Snapshot) -> str:
    match outcome:
        case Outcome.ASKED:
            ways = [_named(way, user) for way in ways_of(user, settings, provided=known_of(settings, user))]
            return _("A second factor is asked for: %(ways)s.") % {"ways": ", ".join(ways)}
        case Outcome.ENROL:
            return _enrolling(enrollable(user, settings), user)
        case Outcome.ALLOWED:
            return _(
                "A second factor is asked for, but the person has no way to prove it, and the sign-in goes on without."
            )
        case Outcome.HELPED:
            return _(
                "A second factor is asked for, but the person has no way to prove it, so an administrator has to make sure of the person."
            )
    return _("A second factor is asked for, and the person has no way to prove it.")


def _enrolling(kinds: Sequence[str], user: User) -> str:
    addresses = [str(METHODS[kind].label(user)) for kind in kinds if kind in CONTACTS]
    if not addresses:
        return _(
            "A second factor is asked for: at the sign-in the person sets up an authenticator app first."
        )
    return _("A second factor is asked for: at the sign-in the person verifies %(address)s first.") % {
        "address": f" {_('or')} ".join(addresses)
    }


def _named(way: str, user: User) -> str:
    label = method_of(way).label(user)
    name = str(FactorKind(kind_of(way)).label)
    return f"{name} ({label})" if label else name
