"""People and sessions of the bench, written straight into the product's database.

Run as a program in the environment of the product; prints JSON. `people N` makes N people who prove a mailed code and N who sign in
by password alone; `crowd N` copies the latter until there are N of them; `sessions N FIRST` begins sessions of N people;
`external N URLS CA` makes N people whose password the LDAP directory behind these addresses proves; `cobrowse TOKEN SITE` opens co-browse
for their company, and `live N` puts N of them into sessions; `client URI` makes a client of OpenID Connect that asks nobody first.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.services import directory_people

PASSWORD = "a-long-password-of-the-bench"  # noqa: S105  (of made-up people in a database that is thrown away)


def coded(number: int) -> str:
    """The name of a person who proves a mailed code."""
    return f"coded{number}@bench.example"


def plain(number: int) -> str:
    """The name of a person who signs in by password alone."""
    return f"plain{number}@bench.example"


def with_app(number: int) -> str:
    """The name of a person who proves the code of an authenticator app."""
    return f"withapp{number}@bench.example"


def seed_of(name: str) -> bytes:
    """The seed of this person's app, which the client knows as well."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).digest()


def make_people(count: int) -> dict[str, Any]:
    """Make `count` people of each kind, all of one company, role and password."""
    from django.contrib.auth.hashers import make_password
    from django.utils import timezone

    from accounts.models import User
    from tenants.models import Company, Role
    from twofactor.models import Factor, FactorKind

    now = timezone.now()
    company = Company.objects.create(name="Bench")
    role = Role.objects.get(name="Agent", company=None)
    password = make_password(PASSWORD)
    people = [
        User(
            username=name,
            login_key=name,
            display_name=name.partition("@")[0],
            email=name,
            email_verified_at=now,
            company=company,
            password=password,
            password_changed_at=now,
            factor_kinds=",email," if name.startswith("coded") else "",
        )
        for number in range(count)
        for name in (coded(number), plain(number))
    ]
    made = User.objects.bulk_create(people, batch_size=500)
    has_role: Any = User.roles.through
    has_role.objects.bulk_create([has_role(user=user, role=role) for user in made], batch_size=500)
    factors = [
        Factor(user=user, kind=FactorKind.EMAIL, created_at=now, confirmed_at=now)
        for user in made
        if user.username.startswith("coded")
    ]
    Factor.objects.bulk_create(factors, batch_size=500)
    return {"people": len(made)}


def make_external(count: int, urls: str, authority: str) -> dict[str, Any]:
    """Make `count` people whose password this directory proves; `authority` is the file with its authority."""
    directory_people.make(count, urls, Path(authority))
    return {"people": count}


def make_apps(count: int) -> dict[str, Any]:
    """Make `count` people with an authenticator app each."""
    from django.utils import timezone

    from accounts.models import User
    from core import sealed
    from tenants.models import Role
    from twofactor.models import Factor, FactorKind

    now, model = timezone.now(), User.objects.get(username=plain(0))
    people = [
        User(
            username=name,
            login_key=name,
            display_name=name.partition("@")[0],
            company_id=model.company_id,
            password=model.password,
            password_changed_at=now,
            factor_kinds=",totp,",
        )
        for name in map(with_app, range(count))
    ]
    made = User.objects.bulk_create(people, batch_size=500)
    role = Role.objects.get(name="Agent", company=None)
    has_role: Any = User.roles.through
    has_role.objects.bulk_create([has_role(user=user, role=role) for user in made], batch_size=500)
    apps = [
        Factor(user=user, kind=FactorKind.TOTP, created_at=now, confirmed_at=now, algorithm="SHA1", digits=6)
        for user in made
    ]
    for app in apps:
        app.secret = sealed.seal(app, "secret", seed_of(app.user.username))
    Factor.objects.bulk_create(apps, batch_size=500)
    return {"people": len(made)}


def time_checks(count: int) -> dict[str, Any]:
    """The CPU time of a right and of a wrong code of an app, in milliseconds."""
    from django.utils import timezone

    from core import oath
    from twofactor.methods.totp import Totp
    from twofactor.models import Challenge, Factor, Purpose

    def check(app: Factor, code: str) -> bool:
        challenge = Challenge(user_id=app.user_id, purpose=Purpose.SIGN_IN, kind="totp")
        return Totp().is_right(code, challenge, now=now)

    taken = {}
    for name, factor in (("wrong_cpu_ms", 0), ("cpu_ms", 1)):
        apps = list(Factor.objects.filter(kind="totp").select_related("user").order_by("-id")[:count])
        now = timezone.now()
        step = oath.step_at(now.timestamp())
        codes = [
            oath.code_at(seed_of(app.user.username), step + (1 - factor) * 100, algorithm="SHA1", digits=6)
            for app in apps
        ]
        began = time.process_time()
        right = sum(check(app, code) for app, code in zip(apps, codes, strict=True))
        taken[name] = (time.process_time() - began) * 1000 / len(apps)
        if right < factor * len(apps) * 0.9:
            raise RuntimeError(f"only {right} codes were right")
    return taken


def fill_queue(count: int) -> dict[str, Any]:
    """Ask for so many codes by e-mail at once."""
    from django.utils import timezone

    from delivery.models import Delivery, Kind

    now = timezone.now()
    rows = [
        Delivery(
            kind=Kind.EMAIL,
            to=f"queued{number}@bench.example",
            template="code",
            subject="Your sign-in code",
            language="en",
            context={
                "display_name": "Queued",
                "expires_minutes": 10,
                "address": "192.0.2.1",
                "at": now.isoformat(),
            },
            secret={"kind": "code", "purpose": "twofactor", "id": f"queued-{number}", "digits": 6},
            next_try_at=now,
            expires_at=now + timedelta(hours=1),
            created_at=now,
        )
        for number in range(count)
    ]
    Delivery.objects.bulk_create(rows, batch_size=500)
    return {"queued": len(rows)}


def make_crowd(count: int) -> dict[str, Any]:
    """Copy the first person who signs in by password alone, with role, until there are `count`; the database makes them itself."""
    from django.db import connection

    from accounts.models import User

    model = User.objects.get(username=plain(0))
    name = "'plain' || n || '@bench.example'"
    made = {"uid": "gen_random_uuid()", "display_name": "'plain' || n"} | dict.fromkeys(
        ("username", "login_key", "email"), name
    )
    columns = [one.column or "" for one in User._meta.concrete_fields if not one.primary_key]
    values = [made.get(column, f"u.{column}") for column in columns]
    first = User.objects.filter(username__startswith="plain").count()
    table, roles = User._meta.db_table, User.roles.through._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} u, generate_series(%s, %s) n "  # noqa: S608
            "WHERE u.id = %s",
            [first, count - 1, model.pk],
        )
        cursor.execute(
            f"INSERT INTO {roles} (user_id, role_id) SELECT id, %s FROM {table} WHERE id > %s "  # noqa: S608
            "ON CONFLICT DO NOTHING",
            [model.roles.get().pk, model.pk],
        )
    return {"people": User.objects.count()}


def ask_for_links(count: int, people: int) -> dict[str, Any]:
    """Ask for so many links to sign in, of people in turn: for each its token and the handle of who asked."""
    from django.utils import timezone

    from accounts.models import User
    from accounts.names import Realm
    from accounts.sessions import Client
    from accounts.tokens.links import described, sign_described
    from login.flow import Purpose
    from login.links.opening import CODE_DIGITS, SCOPES
    from login.models import Attempt
    from login.service import open_attempt

    now = timezone.now()
    users = list(User.objects.filter(username__startswith="plain").order_by("id")[:people])
    links = []
    for number in range(count):
        user = users[number % len(users)]
        attempt, handle = open_attempt(
            purpose=Purpose.LINK,
            name=user.username,
            realm=Realm(user.realm),
            user=user,
            by_page=False,
            client=Client(address="198.51.100.7", user_agent="bench/1"),
            now=now,
            life=timedelta(hours=1),
        )
        link = described(
            scope=SCOPES[Purpose.LINK],
            id=attempt.uid,
            digits=CODE_DIGITS,
            issued_at=now,
            expires_at=attempt.expires_at,
        )
        links.append([sign_described(link), handle])
    Attempt.objects.filter(purpose=Purpose.LINK).update(by_link=True)
    return {"links": links}


def begin_sessions(count: int, first: int) -> dict[str, Any]:
    """Begin a session of a program and one of a browser for `count` people, from the `first` one on."""
    from django.utils import timezone

    from accounts.models import Session, SessionKind, User
    from accounts.sessions import SESSION, SIGN_INS
    from accounts.tokens.issue import token_pair
    from core import entropy

    now = timezone.now()
    users = list(User.objects.filter(username__startswith="coded").order_by("id")[first : first + count])
    shown: dict[str, list[str]] = {"access": [], "refresh": [], "cookies": []}
    for user in users:
        for kind in SIGN_INS:
            secret = entropy.token(SESSION)
            session = Session.objects.create(
                user=user,
                kind=kind,
                fingerprint=entropy.fingerprint(secret, purpose=SESSION),
                methods=["pwd", "otp"],
                created_at=now,
                seen_at=now,
                confirmed_at=now,
                expires_at=now + timedelta(hours=12),
                address="198.51.100.7",
                user_agent="bench/1",
            )
            if kind == SessionKind.PAGE:
                shown["cookies"].append(secret)
            else:
                pair = token_pair(session, now=now)
                shown["access"].append(pair["access_token"])
                shown["refresh"].append(pair["refresh_token"])
    return shown


def open_cobrowse(token: str, site: str) -> dict[str, Any]:
    """Give the company a cluster with this agent token, whose pages stand at this site."""
    from django.utils import timezone

    from cobrowse.applications import ApplicationDraft, create_application, set_options
    from cobrowse.models import Application, ApplicationType
    from tenants.actor import system_actor
    from tenants.models import Company

    now, by, company = timezone.now(), system_actor(), Company.objects.get(name="Bench")
    draft = ApplicationDraft(company=company, type=ApplicationType.CLUSTER, name="Cluster")
    cluster = Application.objects.filter(company=company).first() or create_application(draft, by=by, now=now)
    options = {"slave/password": token, "cross-origin/allowedOrigins": site}
    set_options(cluster, options, by=by, now=now)  # type: ignore[arg-type]
    return {"site": site}


def make_client(uri: str) -> dict[str, Any]:
    """Make a client of OpenID Connect for everybody, a system of one's own that goes back to this address."""
    from django.utils import timezone

    from oidc.clients import ClientDraft, create_client, make_secret
    from tenants.actor import system_actor

    now, by = timezone.now(), system_actor()
    draft = ClientDraft(
        company=None, name="Wiki", redirect_uris=[uri], scopes=["profile", "email"], asks_consent=False
    )
    client: Any = create_client(draft, by=by, now=now)
    made: Any = make_secret(client, by=by, now=now)
    return {"client_id": client.client_id, "secret": made.secret}


def fill_cobrowse(count: int) -> dict[str, Any]:
    """Put so many people into live sessions, and begin a session of a program of an administrator."""
    from django.utils import timezone

    from accounts.models import User
    from cobrowse.models import CobrowseSession, Participant
    from cobrowse.sessions.states import Role, State
    from tenants.models import Company
    from tenants.models import Role as Given

    now, company = timezone.now(), Company.objects.get(name="Bench")
    users = list(User.objects.filter(username__startswith="plain").order_by("id")[:count])
    sessions = [
        CobrowseSession(
            company=company,
            token=f"{number:09}",
            code=f"{number:06}",
            state=State.ACTIVE,
            origin="https://shop.bench.example",
            custom_data={"ticket": str(number)},
            agent=user,
            agent_uid=str(user.uid),
            agent_name=user.display_name,
            created_at=now,
            updated_at=now,
            activated_at=now,
            expires_at=now + timedelta(minutes=20),
            customer_seen_at=now + timedelta(hours=1),
            agent_seen_at=now + timedelta(hours=1),
        )
        for number, user in enumerate(users)
    ]
    CobrowseSession.objects.bulk_create(sessions, batch_size=500)
    people = [
        Participant(
            session=session,
            number=number,
            role=role,
            name=session.agent_name if role == Role.AGENT else "",
            user=session.agent if role == Role.AGENT else None,
            fingerprint=f"{session.token}{number}",
            joined_at=now,
        )
        for session in sessions
        for number, role in ((1, Role.CUSTOMER), (2, Role.AGENT))
    ]
    Participant.objects.bulk_create(people, batch_size=500)
    boss = User.objects.filter(username__startswith="coded").order_by("-id")[0]
    boss.roles.add(Given.objects.get(name="Company Administrator", company=None))
    return begin_sessions(1, User.objects.filter(username__startswith="coded", pk__lt=boss.pk).count())


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
    django.setup()
    from core.db import unit

    commands: dict[str, Callable[..., dict[str, Any]]] = {
        "people": make_people,
        "crowd": make_crowd,
        "external": make_external,
        "apps": make_apps,
        "checks": time_checks,
        "queue": fill_queue,
        "sessions": begin_sessions,
        "links": ask_for_links,
        "cobrowse": open_cobrowse,
        "live": fill_cobrowse,
        "client": make_client,
    }
    what, *given = arguments
    with unit():
        made = commands[what](*(int(one) if one.isdecimal() else one for one in given))
    sys.stdout.write(json.dumps(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
