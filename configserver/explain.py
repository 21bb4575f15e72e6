"""What would happen at a sign-in, as far as the Configuration Server knows: read, and nothing asked, counted or changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from configserver import tree
from configserver.access import Administrator
from configserver.choice import INTERNAL, Why
from configserver.directory import Directory, Protocol
from configserver.granting import granted_to
from configserver.health import Certificate, State, certificate_at, days_left, health_of
from configserver.models import Person, Tenant
from configserver.passwords import Rules, days_until_expiry, is_expired
from configserver.service import choice_of, login_of, rules_of
from configserver.trial import Trial, try_directory
from configserver.values import Granted
from configserver.words import CHOSEN, age_of, answering_in_words
from core.findings import Finding, ok, stop, warning
from core.options import Snapshot
from core.outcomes import Denied

PRIVILEGES_TOLD = 8


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The findings about a person, and what the portal goes on with."""

    findings: tuple[Finding, ...]
    tenant: int | None  # DBID that the company follows from
    roles: tuple[Granted, ...]
    own: Granted
    email: str
    phone: str
    factor_proved: bool = False  # the directory's questions stand for the second factor


def explain(
    person: Person, *, ask: bool, by: Administrator, environment: Snapshot, now: datetime
) -> Explained:
    """What the Configuration Server would do with this person; with `ask`, a directory that can look people up is asked now."""
    # What belongs to the installation is named only to who may see it.
    sees_all = by.may_touch_tenant("view", "directory", dbid=None)
    choice = choice_of(person)
    directory = Directory.objects.filter(uid=choice.engine).first() if choice.engine != INTERNAL else None
    trial = _asked(person, directory, by=by, now=now) if ask and directory is not None else None
    mapped = trial.mapped if isinstance(trial, Trial) else None
    found = trial.found if isinstance(trial, Trial) else None
    roles, own = granted_to(person, mapped=[role.pk for role in mapped.roles] if mapped else ())
    tenant: int | None = person.tenant.dbid
    if mapped is not None and mapped.value is not None:
        tenant = mapped.tenant.dbid if mapped.tenant is not None else None
    findings = [
        _switched(person),
        _tenants(person, sees_all=sees_all),
        _engine(choice.why, directory, sees_all=sees_all),
    ]
    if directory is None:
        findings += _password(person, rules_of(person, environment), now=now)
    else:
        findings += _directory(person, directory, now=now)
        findings += _told(trial, person) if trial is not None else _not_asked(directory)
    may_give_more = mapped is None and directory is not None and directory.groups.exists()
    findings += _given(roles, own, may_give_more=may_give_more)
    return Explained(
        findings=tuple(findings),
        tenant=tenant,
        roles=roles,
        own=own,
        email=(found.email if found else "") or person.email,
        phone=(found.phone if found else "") or person.phone,
        factor_proved=directory is not None and directory.rounds_are_factor,
    )


def _switched(person: Person) -> Finding:
    if person.is_active and person.source is not None and not person.source.is_active:
        return stop("person", _("The directory that brought the person is switched off."))
    if person.is_active:
        return ok("person", _("The person is switched on."))
    return stop("person", _("The person is switched off."))


def _tenants(person: Person, *, sees_all: bool) -> Finding:
    chain = tree.chain(person.tenant_id)
    names = {one.pk: str(one) for one in Tenant.objects.filter(pk__in=[link.pk for link in chain])}
    off = next((link for link in chain if not link.is_active), None)
    if off is not None:
        if not sees_all:
            return stop("tenant", _("The person's tenant, or one above it, is switched off."))
        return stop("tenant", _("The tenant %(name)s is switched off.") % {"name": names[off.pk]})
    if not sees_all:
        return ok("tenant", _("The person's tenant and those above it are switched on."))
    return ok(
        "tenant",
        _("Tenant: %(chain)s. All of them are switched on.")
        % {"chain": " → ".join(names[link.pk] for link in reversed(chain))},
    )


def _engine(why: Why, directory: Directory | None, *, sees_all: bool) -> Finding:
    reason = str(CHOSEN[why])
    if directory is None:
        return ok(
            "engine", _("The Configuration Server itself proves the password. %(why)s") % {"why": reason}
        )
    protocol = directory.get_protocol_display()
    if not sees_all:
        return ok("engine", _("A directory (%(protocol)s) proves the password.") % {"protocol": protocol})
    return ok(
        "engine",
        _("The directory “%(name)s” (%(protocol)s) proves the password. %(why)s")
        % {"name": directory.name, "protocol": protocol, "why": reason},
    )


# --- a password that is kept here --------------------------------------------------------------------------------------------


def _password(person: Person, rules: Rules, *, now: datetime) -> Iterator[Finding]:
    if not person.password:
        yield stop("password", _("No password has been set for the person."))
        return
    if is_expired(changed_at=person.password_changed_at, rules=rules, now=now):
        yield warning("password", _("The password has expired: a new one is asked for at the sign-in."))
        return
    if person.must_change_password:
        yield warning("password", _("The password has to be changed: a new one is asked for at the sign-in."))
        return
    left = days_until_expiry(changed_at=person.password_changed_at, rules=rules, now=now)
    if left is not None:
        told = ngettext(
            "A password is set, and expires in %(days)s day.",
            "A password is set, and expires in %(days)s days.",
            left,
        )
        yield ok("password", told % {"days": left})
        return
    yield ok("password", _("A password is set."))


# --- a directory -------------------------------------------------------------------------------------------------------------


def _asked(
    person: Person, directory: Directory, *, by: Administrator, now: datetime
) -> Trial | Denied | None:
    if directory.protocol != Protocol.LDAP or not directory.is_active:
        return None
    return try_directory(directory, login=login_of(person), by=by, now=now)


def _directory(person: Person, directory: Directory, *, now: datetime) -> Iterator[Finding]:
    if not directory.is_active:
        yield stop("directory", _("The directory is switched off, and no other engine steps in."))
        return
    health = health_of(directory, directory.seen.all(), now=now)
    told = _("%(servers)s, as last seen %(time)s ago.") % {
        "servers": answering_in_words(health),
        "time": age_of(health.seen_at, now=now) if health.seen_at else "",
    }
    if health.state is State.SILENT and health.since is not None:
        since = date_format(timezone.localtime(health.since), "DATETIME_FORMAT")
        yield stop(
            "directory",
            _(
                "None of its servers has answered since %(since)s. A sign-in is told to try later, and counts as no failed one."
            )
            % {"since": since},
        )
    elif health.state is State.UNSEEN:
        yield warning("directory", _("Nobody has looked lately whether its servers answer."))
    elif health.state is State.PARTLY:
        yield warning("directory", told)
    else:
        yield ok("directory", told)
    ends = health.certificate_expires_at
    if ends is not None and certificate_at(ends, now=now) is Certificate.OVER:
        yield warning(
            "certificate", _("The certificate of a server has expired, so that server is not believed.")
        )
    elif ends is not None and certificate_at(ends, now=now) is Certificate.SOON:
        left = days_left(ends, now=now)
        sentence = ngettext(
            "The certificate of a server expires in %(days)s day.",
            "The certificate of a server expires in %(days)s days.",
            left,
        )
        yield warning("certificate", sentence % {"days": left})
    yield _login(person)
    if directory.protocol == Protocol.LDAP:
        yield _entry(person)
    if directory.protocol == Protocol.RADIUS and directory.rounds_are_factor:
        yield ok(
            "questions", _("Whoever answers a question of the server is asked for no second factor here.")
        )


def _login(person: Person) -> Finding:
    if person.external_id:
        return ok(
            "login",
            _("The directory is asked for “%(name)s”, the person's external id.")
            % {"name": person.external_id},
        )
    return ok("login", _("The directory is asked for “%(name)s”, the user name.") % {"name": person.name})


def _entry(person: Person) -> Finding:
    if person.entry:
        return ok(
            "entry",
            _("The entry of the first sign-in is kept. Another one under the same name is turned away."),
        )
    return ok("entry", _("No entry is kept yet; the first sign-in keeps the one that it finds."))


def _not_asked(directory: Directory) -> Iterator[Finding]:
    if directory.protocol == Protocol.RADIUS:
        yield ok(
            "asked", _("RADIUS looks nobody up: only a sign-in shows whether the server knows the person.")
        )
    elif directory.is_active:
        yield warning(
            "asked", _("The directory was not asked now, so what it says of the person is not in here.")
        )


def _told(trial: Trial | Denied, person: Person) -> Iterator[Finding]:
    """What the directory said just now."""
    if isinstance(trial, Denied):
        yield warning("asked", _("The directory was not asked: %(reason)s") % {"reason": trial.message})
        return
    usable = next((one for one in trial.servers if one.ok), None)
    server = usable or next((one for one in reversed(trial.servers) if one.checks), None)
    if server is None:
        yield warning("asked", _("The directory was not asked: no time was left."))
        return
    for check in server.checks:
        if check.ok and check.step not in {"search", "map"}:
            continue
        sentence = _("Asked now, %(server)s: %(seen)s") % {"server": server.server, "seen": check.seen}
        yield ok(check.step, sentence) if check.ok else stop(check.step, sentence)
    found = trial.found
    if found is not None and person.entry and found.entry and found.entry != person.entry:
        yield stop(
            "entry",
            _(
                "The entry found now is another one than that of the first sign-in: somebody else has the name there."
            ),
        )
    mapped = trial.mapped
    if mapped is None or mapped.value is None:
        return
    if mapped.tenant is None:
        yield warning(
            "tenant",
            _("The directory says “%(value)s”, which stands for no tenant.") % {"value": mapped.value},
        )
        return
    off = not all(link.is_active for link in tree.chain(mapped.tenant.pk))
    sentence = _("The directory says “%(value)s”: the tenant %(tenant)s.") % {
        "value": mapped.value,
        "tenant": mapped.tenant,
    }
    yield (
        stop("tenant", _("%(told)s It is switched off.") % {"told": sentence})
        if off
        else ok("tenant", sentence)
    )


# --- what is given -----------------------------------------------------------------------------------------------------------


def _given(roles: tuple[Granted, ...], own: Granted, *, may_give_more: bool) -> Iterator[Finding]:
    if not roles and may_give_more:
        yield warning("roles", _("The person has no role here; groups of the directory may give some."))
    elif not roles:
        yield warning("roles", _("The person has no role, and so may sign in and do nothing more."))
    else:
        names = ", ".join(role.name for role in roles)
        yield ok(
            "roles",
            _("Roles: %(names)s. The highest rank is %(rank)s.") % {"names": names, "rank": roles[0].rank},
        )
    privileges = sorted({f"{application}: {name}" for role in roles for application, name in role.privileges})
    if privileges:
        told = "; ".join(privileges[:PRIVILEGES_TOLD])
        more = len(privileges) - PRIVILEGES_TOLD
        if more > 0:
            told += ngettext("; and %(number)s more", "; and %(number)s more", more) % {"number": more}
        yield ok("privileges", _("May do: %(privileges)s.") % {"privileges": told})
    kinds = sorted({one.kind for given in (*roles, own) for one in given.permissions})
    if kinds:
        yield ok("permissions", _("May see objects of the kinds: %(kinds)s.") % {"kinds": ", ".join(kinds)})
