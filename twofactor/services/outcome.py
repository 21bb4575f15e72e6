"""What the second factor of a sign-in would come to, told beforehand: one decision for the report and for *Explain a sign-in*."""

from enum import StrEnum

from django.utils import timezone

from accounts.models import User
from core.options import Snapshot
from tenants.settings import snapshot
from twofactor.options import NO_CONTACT
from twofactor.policy import is_needed, stands
from twofactor.services.asked import enrollable, needs_factor, policy_for, turned_on, ways_of
from twofactor.services.provided import is_cut_off, known_of
from twofactor.services.two_persons import takes_two_for_another


class Outcome(StrEnum):
    """How it would go."""

    NOT_ASKED = "not-asked"
    ASKED = "asked"
    ENROL = "enrol"  # the person turns a first one on then and there
    ALLOWED = "allowed"  # the person has none, and gets in all the same
    HELPED = "helped"  # an administrator has to make sure of the person first
    DENIED = "denied"


def outcome_of(user: User, *, policy: str, settings: Snapshot) -> Outcome:
    """What a sign-in would come to under this policy, the strictest of all that hold.

    Nobody is asked: what a verification service may have for the person does not count.
    """
    if not needs_factor(user, policy):
        return Outcome.NOT_ASKED
    if ways_of(user, settings, provided=known_of(settings, user)):
        return Outcome.ASKED
    behaviour = without_way(settings)
    if behaviour in {"enrol", "allow"} and takes_two_for_another(user, now=timezone.now()):
        return Outcome.DENIED
    if behaviour == "enrol":
        return Outcome.ENROL if enrollable(user, settings) else Outcome.DENIED
    return {"allow": Outcome.ALLOWED, "agent": Outcome.HELPED}.get(behaviour, Outcome.DENIED)


def may_turn_one_on(user: User) -> bool:
    """Whether the person has no second factor that could be asked for, and may turn one on in the own account."""
    policy, settings = policy_for(user), snapshot(user.company_id)
    if stands(turned_on(user)) or not is_needed(policy, turned_on=True):
        return False
    if takes_two_for_another(user, now=timezone.now()):
        return False
    return not needs_factor(user, policy) or not ways_of(user, settings, provided=known_of(settings, user))


def without_way(settings: Snapshot) -> str:
    """What is done with people without any way: as the settings say, but while RADIUS cannot be asked nobody is let in for want of it."""
    return "deny" if is_cut_off(settings) else settings.text(NO_CONTACT)
