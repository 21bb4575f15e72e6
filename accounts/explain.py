"""What would happen if somebody signed in by a name: read, and nothing counted, changed or proved. No password is asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from accounts import checks, external
from accounts.limits import standing_in_browsers, standing_of_name
from accounts.loaded import policies_of
from accounts.mode import external_is_on
from accounts.models import User
from accounts.names import Realm, realm_of
from accounts.principal import roles_of
from accounts.proof import is_idle
from configserver import explain as directory
from configserver import where
from configserver.engines.base import Unreachable
from configserver.models import Person
from configserver.passwords import NONE, Rules, is_expired
from configserver.values import Granted
from core.contacts import key_of
from core.findings import Finding, ok, stop, warning
from core.text import is_one_line
from core.throttle import Taken
from tenants.actor import Actor
from tenants.models import Company
from tenants.rights import Everywhere
from tenants.rules import may_touch, visible_to
from tenants.settings import snapshot


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The findings in the order in which a sign-in meets them, and what the second factor is decided by."""

    findings: tuple[Finding, ...]
    known: bool = False  # whether there is somebody of this name whom the reader may see
    user: User | None = None  # the account here, if there is one yet
    company: Company | None = None
    policies: tuple[str, ...] = ()  # of the roles
    email: str = ""
    phone: str = ""
    factor_proved: bool = False


def explain(name: str, *, realm: str = "", ask: bool, by: Actor, now: datetime) -> Explained:
    """What the name means and what is known of it; `ask` lets a directory be asked. Somebody out of reach is answered like nobody."""
    if not is_one_line(name):
        return Explained(findings=(_nobody(),))  # nobody can have such a name
    which = realm_of(name, chosen=realm)
    findings = [_realm(name, which, chosen=realm)]
    if which is Realm.EXTERNAL:
        findings.append(_mode())
        if where.remote() is not None:
            return _far(name, findings, by=by, now=now)
        return _external(name, findings, ask=ask, by=by, now=now)
    user = (
        visible_to(by.rights, User)
        .filter(realm=which, login_key=key_of(name))
        .select_related("company")
        .first()
    )
    if user is None:
        return _unknown(name, which, findings, by=by, now=now)
    rules = checks.rules_of(user.company_id)
    findings += [
        ok(
            "known",
            _("“%(name)s” is kept here, as %(person)s.")
            % {"name": user.username, "person": user.display_name},
        ),
        *_limits(name, which, user=user, rules=rules, now=now),
        *_account(user, rules=rules, now=now),
        *_own_password(user, rules=rules, now=now),
        *_own_company(user),
    ]
    roles = roles_of(user)
    findings.append(_roles([role.name for role in roles]))
    return Explained(
        findings=tuple(findings),
        known=True,
        user=user,
        company=user.company,
        policies=tuple(role.twofactor_policy for role in roles),
        email=user.email,
        phone=user.phone,
    )


def _external(name: str, findings: list[Finding], *, ask: bool, by: Actor, now: datetime) -> Explained:
    key = key_of(name)
    user = User.objects.filter(realm=Realm.EXTERNAL, login_key=key).select_related("company").first()
    person = _person(key, user, by=by)
    if person is None:
        return _unknown(name, Realm.EXTERNAL, findings, by=by, now=now)
    # The account is found by the id that stays; whoever had the name before is somebody else. A directory may have put the person
    # into another company than the tenant's: then the account, with its locks and times, is that company's matter.
    accounts = visible_to(by.rights, User).filter(source_id=person.uid)
    user = accounts.select_related("company").first()
    rules = external.rules_of(user)
    told = directory.explain(person, ask=ask, by=by, environment=snapshot(None), now=now)
    company = external.company_of(told.tenant)
    findings += [
        ok(
            "known",
            _("“%(name)s” is kept in the Configuration Server, as %(person)s.")
            % {"name": person.name, "person": person.display_name},
        ),
        *_limits(name, Realm.EXTERNAL, user=user, rules=rules, now=now),
        *told.findings,
        _company(company, tenant=told.tenant, by=by),
        *(_account(user, rules=rules, now=now) if user is not None else [_no_account(by)]),
    ]
    return Explained(
        findings=tuple(findings),
        known=True,
        user=user,
        company=company,
        policies=_policies(told.roles, company),
        email=user.email if user is not None else told.email,
        phone=user.phone if user is not None else told.phone,
        factor_proved=told.factor_proved,
    )


def _far(name: str, findings: list[Finding], *, by: Actor, now: datetime) -> Explained:
    """Somebody whom a remote Configuration Server keeps: what is known here, and whether it answers at all."""
    accounts = visible_to(by.rights, User).filter(realm=Realm.EXTERNAL, login_key=key_of(name))
    user = accounts.select_related("company").first()
    away = isinstance(where.server().summary(), Unreachable)
    words = {"address": where.address()}
    if away:
        answers = stop("server", _("The Configuration Server at %(address)s does not answer.") % words)
    else:
        sentence = _(
            "Whether there is such a person, who may sign in, and what the password is, cannot be told from here: the Configuration "
            "Server at %(address)s decides it at the sign-in. Explain it over there."
        )
        answers = warning("server", sentence % words)
    rules = external.rules_of(user)
    findings += [
        answers,
        *_limits(name, Realm.EXTERNAL, user=user, rules=rules, now=now),
        *(_account(user, rules=rules, now=now) if user is not None else [_no_account(by)]),
    ]
    if user is None:
        return Explained(findings=tuple(findings))
    findings.append(_roles([role.name for role in roles_of(user)]))
    return Explained(
        findings=tuple(findings),
        known=True,
        user=user,
        company=user.company,
        policies=tuple(role.twofactor_policy for role in roles_of(user)),
        email=user.email,
        phone=user.phone,
    )


def _person(key: str, user: User | None, *, by: Actor) -> Person | None:
    """The person of this name, if the reader may see him: by the company of his tenant, or by that of his account here."""
    person = Person.objects.select_related("tenant", "directory").filter(name_key=key).first()
    if person is None or visible_to(by.rights, Person).filter(pk=person.pk).exists():
        return person
    mine = (
        user is not None
        and user.source_id == person.uid
        and visible_to(by.rights, User).filter(pk=user.pk).exists()
    )
    return person if mine else None


def _realm(name: str, realm: Realm, *, chosen: str) -> Finding:
    if chosen:
        where = _("here") if realm is Realm.INTERNAL else _("in the Configuration Server")
        return ok(
            "realm", _("“%(name)s” is looked up %(where)s, as chosen.") % {"name": name, "where": where}
        )
    if realm is Realm.INTERNAL:
        return ok("realm", _("“%(name)s” has an @, so it names somebody who is kept here.") % {"name": name})
    return ok(
        "realm",
        _("“%(name)s” has no @, so it names somebody of the Configuration Server.") % {"name": name},
    )


def _mode() -> Finding:
    if external_is_on():
        return ok("mode", _("People of the Configuration Server may sign in."))
    return stop(
        "mode",
        _(
            "People of the Configuration Server are kept out (setting Login.ExternalAuthenticationMode is None)."
        ),
    )


def _nobody() -> Finding:
    return stop(
        "known",
        _(
            "There is nobody of this name, or nobody whom you may see. A sign-in is answered like a wrong password."
        ),
    )


def _unknown(name: str, realm: Realm, findings: list[Finding], *, by: Actor, now: datetime) -> Explained:
    findings.append(_nobody())
    if isinstance(by.rights.sees("user"), Everywhere):
        # To others a counter would tell that somebody has the name.
        findings += _limits(name, realm, user=None, rules=NONE, now=now)
    return Explained(findings=tuple(findings))


# --- limits ------------------------------------------------------------------------------------------------------------------


def _limits(name: str, realm: Realm, *, user: User | None, rules: Rules, now: datetime) -> Iterator[Finding]:
    counted = standing_of_name(name, realm=realm, rules=rules, now=now)
    yield _limit(counted, now=now)
    if user is None:
        return
    if any(one.refused for one in standing_in_browsers(user, rules=rules, now=now)):
        yield warning(
            "limits", _("In a browser that the person has used before, passwords are refused for a while.")
        )
    until = user.codes_paused_until
    if until is not None and now < until:
        yield warning("codes", _("No code is sent for another %(time)s.") % {"time": timeuntil(until, now)})


def _limit(counted: Iterable[Taken], *, now: datetime) -> Finding:
    counted = list(counted)
    refused = [one for one in counted if one.refused]
    if refused:
        longest = max(one.reset for one in refused)
        return stop(
            "limits",
            _(
                "After too many wrong passwords, browsers that are new to the person are refused for another %(time)s."
            )
            % {"time": timeuntil(now + timedelta(seconds=longest), now)},
        )
    if counted:
        left = min(one.remaining for one in counted)
        return warning(
            "limits",
            _(
                "Tries that led nowhere are counted: %(left)s more tries in browsers that are new to the person."
            )
            % {"left": left},
        )
    return ok("limits", _("No wrong passwords are counted for the name."))


# --- the account here --------------------------------------------------------------------------------------------------------


def _no_account(by: Actor) -> Finding:
    if isinstance(by.rights.sees("user"), Everywhere):
        return ok("account", _("There is no account here yet; the first sign-in makes it."))
    return ok("account", _("There is no account here that you may see; the first sign-in makes one."))


def _account(user: User, *, rules: Rules, now: datetime) -> Iterator[Finding]:
    if user.locked_at is not None:
        since = date_format(timezone.localtime(user.locked_at), "DATETIME_FORMAT")
        reason = user.locked_reason or _("no reason given")
        yield stop(
            "account",
            _("The account here is locked since %(since)s: %(reason)s") % {"since": since, "reason": reason},
        )
    if not user.is_active:
        yield stop("account", _("The account here is switched off."))
    if is_idle(user, rules=rules, now=now):
        yield stop("account", _("The account here was not used for too long, and would be locked."))
    if user.last_login is None:
        yield ok("account", _("There is an account here; nobody has signed in with it yet."))
    else:
        at = date_format(timezone.localtime(user.last_login), "DATETIME_FORMAT")
        yield ok("account", _("There is an account here; the last sign-in was on %(at)s.") % {"at": at})


def _own_password(user: User, *, rules: Rules, now: datetime) -> Iterator[Finding]:
    if not user.has_usable_password():
        yield stop(
            "password",
            _(
                "No password has been set for the person, who may sign in by a mailed link, a passkey or an integration."
            ),
        )
    elif user.must_change_password or is_expired(changed_at=user.password_changed_at, rules=rules, now=now):
        yield warning("password", _("The password has to be changed: a new one is asked for at the sign-in."))
    else:
        yield ok("password", _("A password is set."))


def _own_company(user: User) -> Iterator[Finding]:
    if user.company is None:
        yield ok("company", _("The person belongs to no company, and administers the installation."))
    elif user.company.is_active:
        yield ok("company", _("The company is %(name)s.") % {"name": user.company.name})
    else:
        yield stop("company", _("The company %(name)s is switched off.") % {"name": user.company.name})


def _roles(names: list[str]) -> Finding:
    if not names:
        return warning("roles", _("The person has no role, and so may sign in and do nothing more."))
    return ok("roles", _("Roles: %(names)s.") % {"names": ", ".join(names)})


# --- the company of an external person ---------------------------------------------------------------------------------------


def _company(company: Company | None, *, tenant: int | None, by: Actor) -> Finding:
    if company is None:
        return stop(
            "company",
            _(
                "No company is linked to the tenant, and there is no active default company: the person is turned away."
            ),
        )
    # Whoever may see the people of a company knows its name.
    seen = may_touch(by.rights, "view", "user", company_id=company.pk)
    name = company.name if seen else _("another company")
    if not company.is_active:
        return stop("company", _("The company %(name)s is switched off.") % {"name": name})
    if tenant is not None and company.tenant_dbid == tenant:
        return ok(
            "company", _("The company %(name)s is linked to the tenant, and is loaded.") % {"name": name}
        )
    return warning(
        "company",
        _("No company is linked to the tenant, so the default company is loaded: %(name)s.") % {"name": name},
    )


def _policies(roles: tuple[Granted, ...], company: Company | None) -> tuple[str, ...]:
    found = policies_of(roles, company_id=company.pk if company is not None else None)
    return tuple(found.values())
