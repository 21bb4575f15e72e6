"""The report on second factors: who has which, and who could not sign in under a policy before it is switched on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.principal import roles_of
from core.options import Snapshot
from tenants.models import Company
from tenants.rights import OPEN_ADMIN, Rights
from tenants.settings import snapshot
from twofactor.models import FactorKind
from twofactor.options import GENERATION, NO_CONTACT
from twofactor.policy import PROVIDED, allowed, stands, strictest
from twofactor.services.asked import contact_fields
from twofactor.services.outcome import Outcome, outcome_of, without_way
from twofactor.services.provided import asks_service, is_cut_off, known_of
from twofactor.services.two_persons import SETTLED

# What proves it wherever the settings leave it, and what proves it only while the organisation says so.
ON_ITS_OWN = (FactorKind.TOTP.value, FactorKind.PASSKEY.value, FactorKind.RECOVERY.value)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How many people may sign in at all, and what they turned on."""

    people: int
    without: int  # nothing turned on, or recovery codes alone
    verified_emails: int
    verified_phones: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """What a policy would do to the people of one company (None: those of no company)."""

    company: Company | None
    policy: str
    behaviour: str  # of the settings, for people without any way
    without_way: int | None  # None where roles decide for each person by himself
    shut_out: int | None
    asks_services: bool  # a verification service may know some of them; it is not asked here
    radius_is_off: bool  # and ought to be asked: nobody is let in for want of a way, whatever the behaviour


def may_read(rights: Rights) -> bool:
    """Whether somebody may read the report: about the people whom he may see."""
    return rights.may("view", "user")


def numbers(people: QuerySet[User]) -> Numbers:
    """Count these people, by one statement."""
    rows = (
        people.filter(is_active=True)
        .order_by()
        .values_list("factor_kinds")
        .annotate(Count("pk"), Count("email_verified_at"), Count("phone_verified_at"))
    )
    total, without, emails, phones, kinds = 0, 0, 0, 0, Counter[str]()
    for turned, people_of, emails_of, phones_of in rows:
        found = [kind for kind in turned.split(",") if kind]
        kinds.update(dict.fromkeys(found, people_of))
        total, emails, phones = total + people_of, emails + emails_of, phones + phones_of
        without += 0 if stands(found) else people_of
    return Numbers(
        people=total, without=without, verified_emails=emails, verified_phones=phones, kinds=dict(kinds)
    )


def what_if(people: QuerySet[User], *, company: Company | None, policy: str) -> WhatIf:
    """What this policy would do. For `required` the numbers are exact, each by one statement, but for administrators whose rights are
    kept in a directory."""
    settings = snapshot(company.pk if company is not None else None)
    exact = policy == "required"
    return WhatIf(
        company=company,
        policy=policy,
        behaviour=settings.text(NO_CONTACT),
        without_way=_without_way(of_company(people, company), settings).count() if exact else None,
        shut_out=shut_out(people, company=company, policy=policy).count() if exact else None,
        asks_services=asks_service(settings),
        radius_is_off=is_cut_off(settings),
    )


def of_company(people: QuerySet[User], company: Company | None) -> QuerySet[User]:
    """Those of one company, or those of none."""
    return people.filter(company=company)


def shut_out(people: QuerySet[User], *, company: Company | None, policy: str) -> QuerySet[User]:
    """Who might not get in; for `required` exactly those. `judged` says it of each as the sign-in would."""
    settings = snapshot(company.pk if company is not None else None)
    found = _without_way(of_company(people, company), settings)
    behaviour, permitted = without_way(settings), allowed(settings.text(GENERATION))
    # `takes_two_for_another`, of those whose roles are kept here.
    administrators = User.objects.filter(roles__privileges__name=OPEN_ADMIN)
    opens = Q(pk__in=administrators.order_by().values("pk")) | Q(
        admin_changed_at__gt=timezone.now() - SETTLED
    )
    held_back = found.filter(opens, ~Q(factor_kinds="") | ~Q(last_factor=""))
    if behaviour == "allow":
        return held_back
    if behaviour == "enrol":
        if FactorKind.TOTP in permitted:
            found = found.exclude(factor_kinds="")  # whoever turned nothing on sets an app up
        for kind, column in contact_fields(settings).items():
            found = found.filter(**{column: ""}) if kind in permitted else found
        found = found | held_back
    if policy != "required":
        asked = User.roles.through._default_manager.filter(role__twofactor_policy="required")
        found = found.filter(~Q(factor_kinds="") | Q(pk__in=asked.values("user")) | Q(realm="external"))
    return found


def _without_way(people: QuerySet[User], settings: Snapshot) -> QuerySet[User]:
    """`ways_of` as the database says it: those for whom there is none. What a verification service may have is left out."""
    permitted = allowed(settings.text(GENERATION))
    if known_of(settings).ways:
        return people.none()  # the organisation's RADIUS server is there for everybody
    found = people.filter(is_active=True)
    for alone in ON_ITS_OWN:
        if alone in permitted:
            found = found.exclude(_has_on(alone))
    # Whoever turned on what his organisation has is not let in by a mailbox that he did not choose.
    chosen = Q(pk__in=[])
    for kind in PROVIDED & permitted:
        chosen |= _has_on(kind)
    for kind, column in contact_fields(settings).items():
        if kind in permitted:
            verified = Q(**{f"{column}_verified_at__isnull": False}) & ~Q(**{column: ""})
            found = found.exclude(verified & (_has_on(kind) | ~chosen))
    return found


def _has_on(kind: str) -> Q:
    return Q(factor_kinds__contains=f",{kind},")


def judged(rows: Sequence[User], *, policy: str) -> list[User]:
    """Those of a page of `shut_out` who would not get in by themselves, as the sign-in decides it."""
    return [user for user in rows if _outcome(user, policy=policy) in {Outcome.DENIED, Outcome.HELPED}]


def _outcome(user: User, *, policy: str) -> Outcome:
    roles = [] if policy == "required" else roles_of(user)  # stricter than that they cannot be
    strict = strictest([policy, *(role.twofactor_policy for role in roles)])
    return outcome_of(user, policy=strict, settings=snapshot(user.company_id))


def chosen_company(principal: Any, company: Company | None) -> Company | None:
    """The company that was named, else the reader's own; None, for whoever has none: the people of no company."""
    own: Company | None = principal.company
    return company if company is not None else own
