"""Two companies and the installation above them, with a mark in every text of theirs, so that a leak can be seen."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import Model
from django.utils import timezone

from accounts.models import ApiKey, Browser, Integration, IntegrationKey, JoinLink, Session, SessionKind, User
from accounts.options import MODE
from accounts.people import UserDraft, change_user
from accounts.sessions import Client, start_session
from accounts.tokens.issue import TokenPair, token_pair
from audit.models import AuditEvent
from cobrowse.models import (
    AgentToken,
    AllowedOrigin,
    Application,
    CobrowseSession,
    Option,
    Page,
    Participant,
)
from core import sealed
from core.models import Epoch
from delivery.models import Delivery, State
from login.models import Attempt, HelpRequest
from oidc.models import Client as ConnectedClient
from tenants import services
from tenants.actor import system_actor
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role, SettingsRevision
from tests import cast, directory
from tests.accounts.vouched import EC, public_of
from tests.isolation.database import state
from tests.isolation.outside import Outside
from tests.isolation.them import FIRST, SECRET, Things
from twofactor.models import Challenge, Factor, FactorKind

_versions = count(1_000, 1_000)
_digits = count(123_456)


def things(
    word: str, *, company: Company | None, user: User, role: Role, numbers: Iterator[int], now: datetime
) -> Things:
    """One object of every kind, around this person, with the mark in every text."""

    def make(model: type[Model], **values: Any) -> Any:
        return model._default_manager.create(pk=next(numbers), **values)

    def mark(name: str) -> str:
        return f"{word}-{name}"

    User.objects.filter(pk=user.pk).update(password=f"{SECRET}-hash", phone="+4930555" + str(user.pk)[-5:])
    permission = make(Permission, user=user, kind=Kind.DELIVERY, reach=Reach.OWN)
    around = Outside(word, company=company, secret=SECRET, numbers=numbers, now=now)
    mode = {MODE.name: "ConfigServer"} if company is None else {}  # external people sign in everywhere
    ends = now + timedelta(hours=1)
    browser = make(
        Browser,
        user=user,
        fingerprint=mark(SECRET),
        first_seen_at=now,
        last_seen_at=now,
        user_agent=mark("browser"),
        remembered_until=ends,
        remembered_version=user.security_version,
    )
    session = make(
        Session,
        user=user,
        kind=SessionKind.PAGE,
        fingerprint=mark(SECRET),
        browser=browser,
        methods=["pwd", mark("method")],
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=ends,
        address=mark("address"),
        user_agent=mark("program"),
    )
    # There is none above all companies.
    connected = company or make(Company, name=mark("desk"))
    integrations = [
        make(
            Integration,
            company=connected,
            name=mark(f"integration{number}"),
            licence_key=mark(f"licence{number}"),
            ceiling=Role.objects.get(name=cast.AGENT, company=None),
            origins=[f"https://{mark('origin')}.example"],
            jwks_url=f"https://127.0.0.1/{mark('jwks')}",
            jwks_tried_at=now,
        )
        for number in (1, 2)
    ]
    integration_key = make(
        IntegrationKey,
        integration=integrations[0],
        kid=mark("kid"),
        algorithm="ES256",
        public=dict(public_of(EC).jwk),
        source="pasted",
        created_at=now,
    )
    clients = [
        make(
            ConnectedClient,
            company=connected,
            name=mark(f"client{number}"),
            client_id=mark(f"clientid{number}")[:40],
            secret=mark(SECRET),
            redirect_uris=[f"https://{mark('callback')}.example/cb"],
            scopes=["openid"],
        )
        for number in (1, 2)
    ]
    applications = [
        make(
            Application,
            company=connected,
            type=kind,
            name=mark(kind),
            site_key=mark(f"{kind[0]}site")[:26],
        )
        for kind in ("cluster", "workspace")
    ]
    options = _options(applications, make=make, mark=mark, now=now)
    cobrowse = [
        make(
            CobrowseSession,
            company=connected,
            token=str(900_000_000 + next(_digits)),
            code=str(next(_digits)).zfill(6),
            state="active",
            origin=f"https://{mark('shop')}.example",
            custom_data={mark("name"): mark("value")},
            agent=user,
            agent_uid=str(user.uid),
            agent_name=mark("agent"),
            created_at=now,
            updated_at=now,
            expires_at=ends,
            activated_at=now,
            customer_seen_at=ends,  # so that it does not lapse while all this is walked
            agent_seen_at=ends,
        )
        for _number in (1, 2)
    ]
    around_session = [
        make(
            Participant,
            session=cobrowse[0],
            number=2,
            role=2,
            name=mark("participant"),
            user=user,
            fingerprint=mark(f"{SECRET}-in"),
            joined_at=now,
        ),
        make(Page, session=cobrowse[0], url=f"https://{mark('page')}.example/", entered_at=now),
        make(
            AgentToken,
            session=cobrowse[0],
            sign_in=session,
            right="point",
            under=SECRET,
            created_at=now,
            expires_at=ends,
        ),
    ]
    keys = [
        make(
            ApiKey,
            session=make(
                Session,
                user=user,
                kind=SessionKind.KEY,
                fingerprint=mark(f"{SECRET}{number}"),
                methods=["key"],
                created_at=now,
                seen_at=now,
                confirmed_at=now,
                expires_at=ends,
                address=mark("address"),
                grant={"scopes": ["users:read"], "rank": 0},
            ),
            name=mark(f"key{number}"),
            hint=mark("hint")[:20],
            made_by_name=mark("maker"),
        )
        for number in (1, 2)
    ]
    revisions = [
        make(
            SettingsRevision,
            company=company,
            number=number,
            values={"TwoFactor.EmailSubject": mark(f"subject{number}"), **mode},
            reason=mark("reason"),
            author_uid=str(user.uid),
            author_name=mark("author"),
            at=now,
        )
        for number in (1, 2)
    ]
    event = make(
        AuditEvent,
        at=now,
        event="accounts:user:changed",
        actor_uid=str(user.uid),
        actor_name=mark("actor"),
        company_id=company.pk if company else None,
        subject_kind="user",
        subject_uid=str(user.uid),
        subject_name=mark("subject"),
        address=mark("address"),
        request_id=mark("request"),
        details={"words": mark("details")},
        mac=mark("mac"),
    )
    deliveries = [
        make(
            Delivery,
            kind="email",
            to=f"{mark('to')}@example.com",
            template="notice",
            subject=mark("subject"),
            context={"sentence": mark(SECRET)},
            secret={"kind": "code", "purpose": mark(SECRET)},
            language="en",
            from_address=f"{mark('from')}@example.com",
            company_uid=company.uid if company else None,
            company_id=company.pk if company else None,
            user_uid=user.uid,
            state=State.FAILED,
            error=mark("error"),
            next_try_at=now,
            created_at=now,
            expires_at=ends,
        )
        for _number in (1, 2)
    ]
    factor = make(Factor, user=user, kind=FactorKind.EMAIL, created_at=now)
    challenge = make(
        Challenge,
        user=user,
        purpose="contact",
        asked_by=session.uid,
        kind=FactorKind.EMAIL,
        address=f"{mark('challenge')}@example.com",
        digits=6,
        created_at=now,
        expires_at=ends,
    )
    links = [
        make(
            JoinLink,
            company=company,
            role=role,
            email=f"{mark('invited')}{number}@example.com",
            made_by=user,
            made_by_name=mark("maker"),
            created_at=now,
            expires_at=ends,
        )
        for number in (1, 2)
        if company is not None
    ]
    attempt_uid = uuid.uuid4()
    attempt = make(
        Attempt,
        uid=attempt_uid,
        fingerprint=mark("attempt"),
        purpose="sign-in",
        by_page=True,
        realm="internal",
        name=sealed.seal(Attempt(uid=attempt_uid), "name", SECRET.encode()),
        name_key=mark("key"),
        user=user,
        created_at=now,
        expires_at=ends,
    )
    help_requests = [
        make(
            HelpRequest,
            attempt=attempt,
            user=user,
            company=company,
            reason="no_method",
            address=mark("helped"),
            created_at=now,
            expires_at=ends,
        )
        for _number in (1, 2)
    ]
    return Things(
        word=word,
        objects={
            "company": company,
            "user": user,
            "role": role,
            "permission": permission,
            "session": session,
            "integration": integrations[0],
            "integrationkey": integration_key,
            "client": clients[0],
            "apikey": keys[0],
            "application": applications[0],
            "cobrowse": cobrowse[0],
            "helprequest": help_requests[0],
            "attempt": attempt,
            "revision": revisions[0],
            "event": event,
            "delivery": deliveries[0],
            "factor": factor,
            "browser": browser,
            "privilege": Privilege.objects.get(name="Users - View"),
            **({"joinlink": links[0]} if links else {}),
            **around.objects(),
        },
        more=[
            integrations[1],
            clients[1],
            keys[1],
            applications[1],
            cobrowse[1],
            help_requests[1],
            *options,
            *around_session,
            revisions[1],
            deliveries[1],
            *links[1:],
            challenge,
            *around.more,
        ],
        also={"person": around.persons[1:], "user": [around.shadow]},
    )


def _options(
    applications: list[Application],
    *,
    make: Callable[..., Any],
    mark: Callable[[str], str],
    now: datetime,
) -> list[Any]:
    """Options of both applications, and a site. The cluster has no token, so that agents are let in without one."""
    uid = uuid.uuid4()
    found = [
        make(
            Option,
            uid=uid,
            application=applications[1],
            section="cobrowse",
            name="password",
            secret=sealed.seal(Option(uid=uid), "secret", SECRET.encode()),
            changed_at=now,
            changed_by_name=mark("setter"),
        )
    ]
    site = f"https://{mark('site')}.example"
    for section, name, value in (
        ("cluster", "url", f"https://{mark('cobrowse')}.example/cobrowse"),
        ("cross-origin", "allowedOrigins", site),
    ):
        found.append(
            make(
                Option,
                application=applications[0],
                section=section,
                name=name,
                value=value,
                changed_at=now,
                changed_by_name=mark("setter"),
            )
        )
    return [*found, make(AllowedOrigin, application=applications[0], origin=site)]


def _company(word: str, *, numbers: Iterator[int], now: datetime) -> tuple[Company, User, Things]:
    """A company, its administrator, and the things around one of its people."""
    company = Company.objects.create(pk=next(numbers), name=f"{word}-company")

    def person(name: str, role: str) -> User:
        return cast.person(
            f"{word}-{name}@example.com", company=company, role=role, name=f"{word}-{name}", pk=next(numbers)
        )

    administrator = person("administrator", cast.COMPANY_ADMINISTRATOR)
    member = person("member", cast.AGENT)
    role = Role.objects.create(pk=next(numbers), name=f"{word}-role", company=company, rank=20)
    Permission.objects.create(pk=next(numbers), role=role, kind=Kind.AUDIT, reach=Reach.OWN)
    person("other", cast.AGENT).roles.add(role)
    return (
        company,
        administrator,
        things(word, company=company, user=member, role=role, numbers=numbers, now=now),
    )


@dataclass
class World:
    """Who is there, and what belongs to whom."""

    now: datetime
    acme: Things
    globex: Things
    installation: Things
    root: User
    ada: User  # administers Acme
    ben: User  # belongs to Acme, and may do nothing
    cleo: User  # may do everything that there is, in Globex alone
    carl: User  # sees Globex, and may do nothing there but open the administration
    nora: User  # has every privilege, and reaches nobody
    vera: User  # may look at everything everywhere, and change nothing
    dora: User  # kept in the Configuration Server; what was loaded lets her do everything, in Globex alone
    tokens: TokenPair  # of Ada
    acme_rows: frozenset[tuple[str, Any]]  # every row that came with Acme, by table and number

    def them(self, target: str) -> Things:
        """The things of `acme`, `globex` or the `installation`."""
        found: Things = getattr(self, target)
        return found


def _cross(acme: Things, globex: Things, *, now: datetime) -> None:
    """What joins the two companies: somebody of Globex who may look over, and somebody who moved to Acme."""
    by = system_actor()
    onlooker = cast.person(
        f"{globex.word}-onlooker@example.com", company=globex.objects["company"], role=cast.AGENT
    )
    draft = services.PermissionDraft(
        user=onlooker, kind=Kind.USER, reach=Reach.ONE, company=acme.objects["company"]
    )
    globex.also["user"].append(onlooker)
    globex.also["permission"] = [services.create_permission(draft, by=by, now=now)]
    mover = cast.person(
        f"{globex.word}-mover@example.com", company=globex.objects["company"], role=cast.AGENT
    )
    moved = UserDraft(
        company=acme.objects["company"], roles=[acme.objects["role"]], display_name=f"{acme.word}-mover"
    )
    change_user(mover, moved, by=by, now=now)


def _own(user: User, *, now: datetime) -> dict[str, list[Any]]:
    """What one has for oneself alone."""
    ends = now + timedelta(hours=1)
    browser = Browser.objects.create(
        user=user,
        fingerprint=SECRET,
        first_seen_at=now,
        last_seen_at=now,
        remembered_until=ends,
        remembered_version=1,
    )
    session = Session.objects.create(
        user=user,
        kind=SessionKind.PAGE,
        fingerprint=SECRET,
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=ends,
    )
    held = Session.objects.create(
        user=user,
        kind=SessionKind.KEY,
        fingerprint=f"{SECRET}-key",
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=ends,
        grant={"scopes": []},
    )
    key = ApiKey.objects.create(session=held, name="own")
    factor = Factor.objects.create(user=user, kind=FactorKind.EMAIL, created_at=now, confirmed_at=now)
    return {"browser": [browser], "session": [session], "apikey": [key], "factor": [factor]}


def _external_administrator(of: Things) -> User:
    """Somebody of the company's tenant who may do everything there, by what was loaded at the last sign-in."""
    pairs = Privilege.objects.values_list("application", "name")
    role = directory.role(f"{of.word}-all", rank=60, privileges=list(pairs), opens=[Kind.ALL])
    person = directory.person(
        f"{of.word}-dora", tenant=of.objects["tenant"], password=f"{of.word}-password", roles=[role]
    )
    return directory.shadow(person, password=f"{of.word}-password")


def _onlooker() -> User:
    """Somebody above all companies who may look at everything, and change nothing."""
    look = Role.objects.create(name="Onlookers", rank=90)
    look.privileges.set(Privilege.objects.filter(name__regex=" - (View|Open)$"))
    Permission.objects.create(role=look, kind=Kind.ALL, reach=Reach.EVERY)
    vera = cast.person("rootmark-vera@portal.example", company=None, role=cast.AGENT)
    vera.roles.set([look])
    return vera


def build() -> World:
    """Acme, Globex and the installation, in a database that holds nothing else."""
    # A version that no other test has seen: what they cached under theirs would stand for ours.
    Epoch.objects.update_or_create(pk=1, defaults={"version": next(_versions)})
    now = timezone.now()
    root = cast.person(
        "rootmark-root@portal.example", company=None, role=cast.FULL, name="rootmark-root", pk=FIRST
    )
    full = Role.objects.get(name=cast.FULL)
    installation = things(
        "rootmark", company=None, user=root, role=full, numbers=count(FIRST + 1_000, 1_000), now=now
    )
    globex, cleo, of_globex = _company("globexmark", numbers=count(6_000_000, 1_000), now=now)
    # So that nothing but the company keeps her out.
    everything = Role.objects.create(name="globexmark-everything", company=globex, rank=60)
    everything.privileges.set(Privilege.objects.all())
    cleo.roles.add(everything)
    look = Role.objects.create(name="globexmark-look", company=globex, rank=30)
    look.privileges.set(Privilege.objects.filter(name="Administration - Open"))
    Permission.objects.create(role=look, kind=Kind.ALL, reach=Reach.OWN)
    carl = cast.person("globexmark-carl@example.com", company=globex, role=cast.AGENT)
    carl.roles.set([look])
    nora = cast.person("globexmark-nora@example.com", company=globex, role=cast.AGENT)
    nora.roles.set([everything])
    dora = _external_administrator(of_globex)
    before = state().keys()
    acme, ada, of_acme = _company("acmemark", numbers=count(7_000_000, 1_000), now=now)
    # There is none above all companies, and none of its own links: Ada reaches for another one.
    installation.objects |= {"company": globex, "joinlink": of_globex.objects["joinlink"]}
    ben = cast.person("acmemark-ben@example.com", company=acme, role=cast.AGENT)
    acme_rows = frozenset(state().keys() - before)
    _cross(of_acme, of_globex, now=now)
    of_globex.also |= _own(cleo, now=now)
    client = Client(address="127.0.0.1", user_agent="acmemark-program")
    session, _secret = start_session(
        ada, kind=SessionKind.API, methods=["pwd", "otp"], client=client, browser=None, now=now
    )
    return World(
        now=now,
        acme=of_acme,
        globex=of_globex,
        installation=installation,
        root=root,
        ada=ada,
        ben=ben,
        cleo=cleo,
        carl=carl,
        nora=nora,
        vera=_onlooker(),
        dora=dora,
        tokens=token_pair(session, now=now),
        acme_rows=acme_rows,
    )
