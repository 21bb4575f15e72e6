"""How each address of the product is visited. An address without a line here, and a line without an address, fail the walk.

    the(kind)     the address names one object of this kind
    every(kind)   a list of objects of this kind, where new ones may be made
    new(kind)     the form of a new object of this kind
    closed(why)   open to nobody, one's own objects included
    of_installation(kind)  the address names an object that is there only for those who see every company
    own(why)      what is said and done here concerns the caller alone
    door(why)     open to everybody; `sends` says what a stranger might try

`sends` are further bodies, made from somebody's objects. `writes` are the tables in which the caller's own doing shows.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from accounts.models import ApiKey, Browser, RefreshToken, Session, UsedPassword, User
from audit.models import AuditEvent
from cobrowse.models import CobrowseSession, Participant
from delivery.models import Delivery
from login.models import Attempt
from tests.configserver.packages import package
from tests.isolation.bodies import PASSWORD
from tests.isolation.cases import autocomplete
from tests.isolation.entries import (
    OF_INSTALLATION,
    Bodies,
    Entry,
    closed,
    door,
    every,
    new,
    of_installation,
    own,
    the,
)
from tests.isolation.routes import Route
from tests.isolation.them import Them
from tests.isolation.visits import Call, Case, Sort
from twofactor.models import Challenge, Factor, RecoveryCode


def _catch_all(route: Route) -> Iterator[Case]:
    """Addresses of the stock administration that ours does not have, and those without their last slash."""
    for text in (
        "accounts/user/{user}", "accounts/user/{user}/", "tenants/role/{role}", "r/1/{user}/", "tenants/company/{company}",
        "password_change/", "auth/group/", "accounts/user/{user}/password/", "jsi18n",
    ):  # fmt: skip

        def make(them: Them, *, text: str = text) -> Call:
            return Call(
                "GET",
                route.path(url=text.format(**{kind: them.pk(kind) for kind in ("user", "role", "company")})),
            )

        yield Case(Sort.ASKS, make)


def _explained_by_link(route: Route) -> Iterator[Case]:
    """A link to the page may name somebody."""
    for kind in ("user", "person"):
        for realm in ("", "internal", "external"):
            yield Case(
                Sort.REFERS,
                lambda them, kind=kind, realm=realm: Call(
                    "GET", route.path(), (("name", them.text(kind)), ("realm", realm))
                ),
            )


def _report_of(route: Route) -> Iterator[Case]:
    """The report may be asked for of any company."""
    yield Case(
        Sort.REFERS,
        lambda them: Call("GET", route.path(), (("company", them.uid("company")), ("policy", "required"))),
    )


def _report_of_number(route: Route) -> Iterator[Case]:
    """The same, of a company by its number."""
    yield Case(
        Sort.REFERS,
        lambda them: Call(
            "GET", route.path(), (("company", str(them.pk("company"))), ("policy", "required"))
        ),
    )


def _key_too(route: Route) -> Iterator[Case]:
    """The address names a key as well as its integration."""
    yield Case(
        Sort.NAMES,
        lambda them: Call("DELETE", route.path(id=them.uid("integration"), key=them.uid("integrationkey"))),
    )


def _option_too(route: Route) -> Iterator[Case]:
    """The address names an option as well as its application."""
    for section, option, value in (
        ("slave", "password", "A" * 26),
        ("cross-origin", "allowedOrigins", ["https://new.example"]),
    ):

        def where(them: Them, *, section: str = section, option: str = option) -> str:
            return route.path(id=them.uid("application"), section=section, option=option)

        methods = ("POST",) if "post" in route.actions else ("GET", "PUT", "PATCH", "DELETE")
        for method in methods:
            data: Any = {"value": value} if method in {"PUT", "PATCH"} else {} if method == "POST" else None
            yield Case(
                Sort.NAMES,
                lambda them, method=method, data=data, where=where: Call(method, where(them), data=data),
            )


def _by_digits(route: Route) -> Iterator[Case]:
    """The address, or what is sent to it, names a session by its digits, which an agent of another company can have heard."""
    arguments = [name for _converter, name in route.arguments]
    for method, data in (
        ("GET", None),
        ("POST", {"role": 2}),
        ("POST", {"role": 1, "name": "X"}),
        ("PUT", {"state": "ended"}),
    ):
        if route.view is not None and not hasattr(route.view, method.lower()):
            continue
        yield Case(
            Sort.ASKS,
            lambda them, method=method, data=data: Call(
                method,
                route.path(**dict.fromkeys(arguments, them.digits)),
                data=data if arguments else {"digits": them.digits},
            ),
        )


def _of_session(route: Route) -> Iterator[Case]:
    """The address names a session by its id. Who may not work with sessions at all is told so before anything is looked for."""
    for method, data in (
        ("GET", None),
        ("POST", {"right": "view", "action": "request"}),
        ("PUT", {"state": "ended"}),
        ("PUT", {"custom_data": {"a": "b"}}),
        ("DELETE", None),
    ):
        yield Case(
            Sort.REFERS,
            lambda them, method=method, data=data: Call(
                method,
                route.path(**{name: them.uid("cobrowse") for _converter, name in route.arguments}),
                data=data,
            ),
        )


def _sdk_sessions(route: Route) -> Iterator[Case]:
    """The list may be asked for anybody's sessions, and by custom data."""
    for name, said in (
        ("agent", lambda them: them.uid("user")),
        ("agent", lambda _them: "all"),
        ("filter_name", lambda them: f"{them.word}-value"),
        ("id", lambda them: them.uid("cobrowse")),
    ):
        yield Case(
            Sort.ASKS, lambda them, name=name, said=said: Call("GET", route.path(), ((name, said(them)),))
        )


def _sdk_user(route: Route) -> Iterator[Case]:
    """The address names somebody."""
    yield Case(Sort.REFERS, lambda them: Call("GET", route.path(id=them.uid("user"))))


def _team_of(route: Route) -> Iterator[Case]:
    """The page may be asked for the team of any company, and for anybody by name or as the place to go on from."""
    for name, said in (
        ("company", lambda them: them.uid("company")),
        ("company", lambda them: them.text("company")),
        ("company", lambda them: them.word),
        ("q", lambda them: them.text("user")),
        ("q", lambda them: them.word),
        ("after", lambda them: them.uid("user")),
        ("before", lambda them: them.uid("user")),
        ("before", lambda them: str(them.pk("joinlink"))),
    ):
        yield Case(
            Sort.ASKS, lambda them, name=name, said=said: Call("GET", route.path(), ((name, said(them)),))
        )


_steps = tuple(
    {"step": step} for step in ("password", "method", "code", "resend", "enrol", "change-password")
)
_names: Bodies = (
    lambda them: {"username": them.text("user")},
    lambda them: {"username": them.text("person")},
)
_addresses: Bodies = (
    lambda them: {"email": them.text("user")},
    lambda them: {"email": them.text("user"), "join": them.uid("user")},
)
_handles: Bodies = (
    lambda them: {"handle": them.uid("session"), "password": PASSWORD, "code": "123456", "method": "email"},
    lambda them: {"handle": them.word, "kind": "email", "value": them.text("user"), "code": "123456"},
)
_tokens: Bodies = (
    lambda them: {"token": them.uid("session"), "refresh_token": them.uid("session")},
    lambda them: {"token": them.uid("user"), "refresh_token": them.word},
)
_explained: Bodies = (
    lambda them: {"name": them.text("user")},
    lambda them: {"name": them.word, "realm": "external"},
    lambda them: {"name": them.text("person"), "ask": "on"},
)
_asked: Bodies = (
    lambda them: {"name": them.text("user")},
    lambda them: {"name": them.word, "realm": "external"},
    lambda them: {"name": them.text("person"), "ask": True},
)
_new_directories: Bodies = (
    lambda them: {"protocol": "ldap", "name": them.word, "groups": f"cn=all = {them.text('directoryrole')}"},
)
_packages: Bodies = (lambda them: package(f'<cfg:role name="{them.word}" rank="1"/>', name=them.word),)
_held_packages: Bodies = (lambda them: {"held": them.word, "seen": them.uid("package")},)
_invited: Bodies = (
    lambda them: {"role": them.uid("role"), "email": them.text("user"), "hours": "5"},
    lambda them: {
        "role": them.uid("role"),
        "rows": f"{them.text('user')}; {them.text('role')}",
        "hours": "5",
    },
)
_invited_over_rest: Bodies = (
    lambda them: {"rows": [{"email": "somebody@example.com", "role": them.text("role")}]},
    lambda them: {"role": them.uid("role"), "csv": "somebody@example.com"},
    lambda them: {"company": them.uid("company"), "csv": "somebody@example.com"},
)
_NOT_THERE = "00000000-0000-4000-8000-000000000000"
_IN_A_SESSION = door(
    "The token is the secret of somebody in a session.",
    arguments=({"user_token": "not-a-token"},),
    sends=(lambda _them: {"mode": "write", "action": "request"},),
)
_SESSION_OF_AN_AGENT = own(
    "Another company's session is like one that is not there.",
    arguments=({"id": _NOT_THERE, "token": _NOT_THERE, "uid": _NOT_THERE},),
    more=_of_session,
)
_READ_ONLY = "The trail and the outbox are written by the product alone."
_SCIM: Mapping[str, Mapping[str, Any]] = {
    "Users": {},
    "Users/.search": {},
    "Users/<uuid:id>": {"arguments": ({"id": "00000000-0000-0000-0000-000000000007"},)},
    "Groups": {},
    "Groups/.search": {},
    "Groups/<uuid:id>": {"arguments": ({"id": "00000000-0000-0000-0000-000000000007"},)},
    "ServiceProviderConfig": {},
    "ResourceTypes": {},
    "ResourceTypes/<slug:id>": {"arguments": ({"id": "User"},)},
    "Schemas": {},
    "Schemas/<str:id>": {"arguments": ({"id": "urn:ietf:params:scim:schemas:core:2.0:User"},)},
    "Me": {},
    "Bulk": {},
}
_KEPT = "A revision of the settings is never changed or deleted."

COVERAGE: Mapping[str, Entry] = {
    # --- pages of everybody
    "": own("The caller's own company, roles and last sign-in."),
    "login/": door(
        "Says the same for every name.",
        sends=_names,
        writes=(Attempt,),
    ),
    "login/confirm/": own("Begins to confirm one's own session.", writes=(Attempt,)),
    "login/cancel/": own("Gives up the sign-in of this browser."),
    "login/forgotten/": door(
        "A mail goes to whoever has the name; the page is the same for every name.",
        sends=_names,
        writes=(Attempt, Delivery),
    ),
    "login/forgotten/<str:token>/": door(
        "The token is the secret of a mail.", arguments=({"token": "not-a-token"},), sends=_handles
    ),
    "login/recovery/<str:token>/": door(
        "The token is the secret of a mail.", arguments=({"token": "not-a-token"},), sends=_handles
    ),
    "login/link/": door(
        "A mail goes to whoever has the address; the page is the same for every address.",
        sends=_addresses,
        writes=(Attempt, Delivery),
    ),
    "login/link/<str:token>/": door(
        "The token is the secret of a mail.", arguments=({"token": "not-a-token"},), sends=_handles
    ),
    "register/": door(
        "A mail goes to whoever may sign up; the page is the same for every address.",
        sends=_addresses,
        writes=(Attempt, Delivery),
    ),
    "join/<str:token>/": door(
        "The token is the secret of an invitation.", arguments=({"token": "not-a-token"},), sends=_addresses
    ),
    "sso/jwt/": door("The token is the secret of whoever an integration vouches for.", sends=_tokens),
    "login/<slug:step>/": door(
        "The handle in the cookie is the secret of a browser.", arguments=_steps, sends=_handles
    ),
    "impersonation/end/": own("Ends what the caller began himself.", writes=(Session,)),
    "logout/": own("Ends the caller's own session.", writes=(Session,)),
    # --- the own account
    "account/": own("The caller's own account."),
    "account/sessions/": own("The caller's own sessions."),
    "account/sessions/end-others/": own("Ends the caller's own other sessions.", writes=(Session, Browser)),
    "account/sessions/<uuid:uid>/end/": the("session"),
    "account/password/": own("The caller's own password."),
    "account/contacts/": own("The caller's own contacts."),
    "account/contacts/email/": own(
        "A code goes to the typed address; the page does not tell whether somebody has it.",
        sends=(lambda them: {"email": them.text("user")},),
        writes=(Challenge, Delivery),
    ),
    "account/contacts/email/verify/": own("Takes the code of the caller's own address."),
    "account/contacts/email/resend/": own(
        "Another code to the caller's own address.", writes=(Challenge, Delivery)
    ),
    "account/contacts/email/cancel/": own("Gives up the caller's own change of address."),
    "account/contacts/phone/": own(
        "A code goes to the typed number; the page does not tell whether somebody has it.",
        sends=(lambda _them: {"phone": "+4915112345678"},),
        writes=(Challenge, Delivery),
    ),
    "account/contacts/phone/verify/": own("Takes the code of the caller's own number."),
    "account/contacts/phone/resend/": own(
        "Another code to the caller's own number.", writes=(Challenge, Delivery)
    ),
    "account/contacts/phone/cancel/": own("Gives up the caller's own change of number."),
    "account/keys/": own("The caller's own API keys."),
    "account/keys/new/": own(
        "Makes an API key of the caller's own.",
        sends=(lambda _them: {"name": "sample", "days": "10"},),
        writes=(ApiKey, Session, Delivery),
    ),
    "account/keys/<uuid:uid>/rename/": the("apikey"),
    "account/keys/<uuid:uid>/revoke/": the("apikey"),
    "account/security/": own("The caller's own factors and browsers."),
    "account/security/app/": own(
        "Begins to set up an app of the caller's own.",
        writes=(Factor, Challenge),
    ),
    "account/security/app/<uuid:uid>/": the("factor"),
    "account/security/recovery/": own(
        "Makes the caller's own recovery codes.", writes=(Factor, RecoveryCode, User, Delivery)
    ),
    "account/security/turn-on/<slug:kind>/": own(
        "Turns on the caller's own codes.",
        arguments=tuple({"kind": kind} for kind in ("email", "sms", "radius", "nothing")),
        writes=(Factor, User, Delivery),
    ),
    "account/security/factors/<uuid:uid>/": the("factor"),
    "account/security/passkeys/add/": own("Adds a passkey of the caller's own."),
    "account/security/factors/<uuid:uid>/remove/": the("factor"),
    "account/security/devices/<uuid:uid>/remove/": the("browser"),
    "account/security/keep/": own("Ends that the caller's own second factor is replaced."),
    # --- the team
    "team/": own("The people of companies within the caller's reach.", more=_team_of),
    "team/members/<uuid:uid>/": the("user"),
    "team/members/<uuid:uid>/remove/": the("user"),
    "team/links/": own("The links of companies within the caller's reach.", more=_team_of),
    "team/links/new/": own(
        "Makes links of companies within the caller's reach.", sends=_invited, more=_team_of
    ),
    "team/links/many/": own(
        "Makes links of companies within the caller's reach.", sends=_invited, more=_team_of
    ),
    "team/links/<uuid:uid>/": the("joinlink"),
    "team/links/<uuid:uid>/show/": the("joinlink"),
    "team/links/<uuid:uid>/resend/": the("joinlink"),
    "team/links/<uuid:uid>/revoke/": the("joinlink"),
    # --- API: sign-in and oneself
    "api/v1/login/": door(
        "Says the same for every name.",
        sends=_names,
        writes=(Attempt,),
    ),
    "api/v1/login/forgotten/": door(
        "A mail goes to whoever has the name; the answer is the same for every name.",
        sends=_names,
        writes=(Attempt, Delivery),
    ),
    "api/v1/login/recovery/end/": door("The token is the secret of a mail.", sends=_tokens),
    "api/v1/login/forgotten/consume/": door("The token is the secret of a mail.", sends=_tokens),
    "api/v1/login/magic-link/": door(
        "A mail goes to whoever has the address; the answer is the same for every address.",
        sends=_addresses,
        writes=(Attempt, Delivery),
    ),
    "api/v1/login/magic-link/consume/": door("The token is the secret of a mail.", sends=_tokens),
    "api/v1/register/": door(
        "A mail goes to whoever may sign up; the answer is the same for every address.",
        sends=(*_addresses, lambda them: {"email": them.text("user"), "company": them.uid("company")}),
        writes=(Attempt, Delivery),
    ),
    "api/v1/login/<slug:step>/": door(
        "The handle is a secret of who began.", arguments=_steps, sends=_handles
    ),
    "api/v1/me/": own("Who the caller is."),
    "api/v1/me/confirm/": own("Begins to confirm one's own session.", writes=(Attempt,)),
    "api/v1/me/factors/": own(
        "The caller's own factors.",
        sends=tuple(lambda _them, kind=kind: {"kind": kind} for kind in ("email", "totp", "recovery")),
        writes=(Factor, RecoveryCode, Challenge, User, Delivery),
    ),
    "api/v1/me/factors/<uuid:id>/": the("factor"),
    "api/v1/me/factors/<uuid:id>/confirm/": the("factor"),
    "api/v1/me/recovery/": own("Whether somebody waits to replace the caller's own second factor."),
    "api/v1/me/devices/": own("The browsers that stand for the caller's own second factor."),
    "api/v1/me/devices/<uuid:id>/": the("browser"),
    "api/v1/me/passkeys/": own("Begins a passkey of the caller's own."),
    "api/v1/me/passkeys/confirm/": own(
        "Takes the passkey that the caller's own session asked for.",
        sends=(lambda them: {"credential": {"id": str(them.uid("factor"))}},),
        writes=(AuditEvent,),
    ),
    "api/v1/me/email/": own(
        "A code goes to the given address; the answer does not tell whether somebody has it.",
        sends=(lambda them: {"email": them.text("user")},),
        writes=(Challenge, Delivery),
    ),
    "api/v1/me/email/confirm/": own(
        "Takes the code of the caller's own address.", sends=(lambda _them: {"code": "123456"},)
    ),
    "api/v1/me/phone/": own(
        "A code goes to the given number; the answer does not tell whether somebody has it.",
        sends=(lambda _them: {"phone": "+4915112345678"},),
        writes=(Challenge, Delivery),
    ),
    "api/v1/me/phone/confirm/": own(
        "Takes the code of the caller's own number.", sends=(lambda _them: {"code": "123456"},)
    ),
    "api/v1/me/password/": own(
        "The caller's own password; whoever has none needs none to set one.",
        sends=(lambda _them: {"current_password": "x", "new_password": PASSWORD},),
        writes=(User, UsedPassword, Session, Delivery),
    ),
    "api/v1/embed/sign-in/": door(
        "A token of an integration is the secret of whoever holds it.",
        sends=(lambda them: {"token": them.uid("session"), "origin": f"https://{them.word}.example"},),
    ),
    "api/v1/tokens/refresh/": door(
        "A token is the secret of whoever holds it.", sends=_tokens, writes=(RefreshToken,)
    ),
    "api/v1/tokens/revoke/": door("A token is the secret of whoever holds it.", sends=_tokens),
    "api/v1/tokens/introspect/": own("What a token says, where the caller may know.", sends=_tokens),
    # --- API: administration
    "api/v1/users/": every("user"),
    "api/v1/users/<uuid:id>/": the("user"),
    "api/v1/users/<uuid:id>/lock/": the("user"),
    "api/v1/users/<uuid:id>/lock-down/": the("user"),
    "api/v1/users/<uuid:id>/unlock/": the("user"),
    "api/v1/users/<uuid:id>/impersonate/": the("user"),
    "api/v1/users/<uuid:id>/password/": the("user"),
    "api/v1/users/<uuid:id>/factors/": the("user"),
    "api/v1/users/<uuid:id>/reset-factors/": the("user"),
    "api/v1/users/<uuid:id>/temporary-code/": the("user"),
    "api/v1/users/<uuid:id>/end-recovery/": the("user"),
    "api/v1/users/<uuid:id>/recovery/": the("user"),
    "api/v1/users/<uuid:id>/devices/": the("user"),
    "api/v1/users/<uuid:id>/forget-devices/": the("user"),
    "api/v1/persons/": every("person"),
    "api/v1/persons/<uuid:id>/": the("person"),
    "api/v1/persons/<uuid:id>/password/": the("person"),
    "api/v1/persons/<uuid:id>/unlock/": the("person"),
    "api/v1/persons/<uuid:id>/forget-entry/": the("person"),
    "api/v1/tenants/": every("tenant"),
    "api/v1/tenants/<uuid:id>/": of_installation("tenant"),
    "api/v1/prerequisites/": own(OF_INSTALLATION),
    "api/v1/factor-report/": own("Numbers of people within the caller's reach.", more=_report_of),
    "api/v1/factor-report/shut-out/": own("People within the caller's reach.", more=_report_of),
    "api/v1/explain-sign-in/": own("Somebody out of reach is explained like nobody.", sends=_asked),
    "api/v1/directories/": every("directory"),
    "api/v1/directories/<uuid:id>/": of_installation("directory"),
    "api/v1/directories/<uuid:id>/test/": of_installation("directory"),
    "api/v1/directories/<uuid:id>/token/": of_installation("directory"),
    "api/v1/directories/<uuid:id>/import/": of_installation("directory"),
    "api/v1/directory-roles/": every("directoryrole"),
    "api/v1/directory-roles/<uuid:id>/": of_installation("directoryrole"),
    "api/v1/directory-permissions/": every("directorypermission"),
    "api/v1/directory-permissions/<uuid:id>/": of_installation("directorypermission"),
    "api/v1/solution-packages/": every("package", sends=_packages),
    "api/v1/solution-packages/<uuid:id>/": of_installation("package"),
    "api/v1/solution-packages/<uuid:id>/rollback/": of_installation("package"),
    "api/v1/companies/": every("company"),
    "api/v1/companies/<uuid:id>/": the("company"),
    "api/v1/companies/<uuid:id>/settings/": the("company"),
    "api/v1/roles/": every("role"),
    "api/v1/roles/<uuid:id>/": the("role"),
    "api/v1/privileges/": every("privilege"),
    "api/v1/privileges/<uuid:id>/": the("privilege"),
    "api/v1/permissions/": every("permission"),
    "api/v1/permissions/<uuid:id>/": the("permission"),
    "api/v1/join-links/": every("joinlink"),
    "api/v1/join-links/bulk/": own(
        "Makes links of companies within the caller's reach.",
        sends=_invited_over_rest,
    ),
    "api/v1/join-links/<uuid:id>/": the("joinlink"),
    "api/v1/join-links/<uuid:id>/resend/": the("joinlink"),
    "api/v1/join-links/<uuid:id>/show/": the("joinlink"),
    "api/v1/sessions/": every("session"),
    "api/v1/sessions/<uuid:id>/": the("session"),
    "api/v1/signing-keys/": every("signingkey"),
    "api/v1/signing-keys/<uuid:id>/": of_installation("signingkey"),
    "api/v1/signing-keys/rotate/": own(OF_INSTALLATION, sends=(lambda _them: {},)),
    "api/v1/signing-keys/<uuid:id>/revoke/": of_installation("signingkey"),
    "api/v1/integrations/": every("integration"),
    "api/v1/integrations/<uuid:id>/": the("integration"),
    "api/v1/integrations/<uuid:id>/keys/": the("integration"),
    "api/v1/integrations/<uuid:id>/keys/generate/": the("integration"),
    "api/v1/integrations/<uuid:id>/keys/<uuid:key>/": the("integration", more=_key_too),
    "api/v1/integrations/<uuid:id>/read-keys/": the("integration"),
    "api/v1/api-keys/": every("apikey"),
    "api/v1/api-keys/<uuid:id>/": the("apikey"),
    "api/v1/applications/": every("application"),
    "api/v1/applications/<uuid:id>/": the("application"),
    "api/v1/applications/<uuid:id>/options/": the("application"),
    "api/v1/applications/<uuid:id>/options/<str:section>/<str:option>/": the("application", more=_option_too),
    "api/v1/applications/<uuid:id>/options/<str:section>/<str:option>/generate/": the(
        "application", more=_option_too
    ),
    "api/v1/cobrowse-sessions/": every("cobrowse"),
    "api/v1/cobrowse-sessions/<uuid:id>/": the("cobrowse"),
    "api/v1/help-requests/": every("helprequest"),
    "api/v1/help-requests/<uuid:id>/": the("helprequest"),
    "api/v1/help-requests/<uuid:id>/confirm/": the("helprequest"),
    "api/v1/help-requests/<uuid:id>/deny/": the("helprequest"),
    "api/v1/audit-events/": every("event"),
    "api/v1/audit-events/<int:id>/": the("event"),
    "api/v1/deliveries/": every("delivery"),
    "api/v1/deliveries/<uuid:id>/": the("delivery"),
    "api/v1/deliveries/<uuid:id>/retry/": the("delivery"),
    "api/v1/settings/": own(
        "The settings of everywhere, for those who see every company.",
        sends=(lambda _them: {"values": {"TwoFactor.CodeDigits": 8}, "reason": "why not"},),
    ),
    "api/v1/settings/revisions/": every("revision"),
    "api/v1/settings/revisions/<uuid:id>/": the("revision"),
    "api/v1/settings/revisions/<uuid:id>/rollback/": the("revision"),
    "api/schema/": door("The description of the API, the same for everybody."),
    "api/docs/": door("The description of the API, the same for everybody."),
    "api/verification-service/": door("The contract of verification services, the same for everybody."),
    ".well-known/jwks.json": door("Public keys."),
    ".well-known/openid-configuration": door("Where everything is."),
    ".well-known/oauth-authorization-server": door("Where everything is."),
    # --- OpenID Connect
    "o/authorize/": own("Gives the caller's own name to a client, after the question.", writes=(AuditEvent,)),
    "o/authorize/answer/": own("The answer to that question.", writes=(AuditEvent,)),
    "o/authorize/other/": own(
        "Ends the caller's own session, for somebody else at this browser.", writes=(Session,)
    ),
    "o/token/": door("The code is the secret of a client.", sends=_tokens),
    "o/userinfo/": door("What the bearer of a token may know of its person."),
    "o/logout/": own("Asks whether to end the caller's own session."),
    "o/logout/now/": own("Ends the caller's own session.", writes=(Session,)),
    "api/v1/clients/": every("client"),
    "api/v1/clients/<uuid:id>/": the("client"),
    "api/v1/clients/<uuid:id>/secret/": the("client"),
    "account/applications/": own("The clients that the caller signed in to."),
    "account/applications/<uuid:uid>/disconnect/": closed(
        "Opens to whoever signed in to the client, and to no administrator (tests/oidc/test_consents.py).",
        "client",
    ),
    "admin/oidc/client/": every("client"),
    "admin/oidc/client/add/": new("client"),
    "admin/oidc/client/<path:object_id>/change/": the("client"),
    "admin/oidc/client/<path:object_id>/delete/": the("client"),
    "admin/oidc/client/<path:object_id>/history/": the("client"),
    "admin/oidc/client/<path:object_id>/make_secret/": the("client"),
    # --- administration: the site
    "admin/": own("Numbers and pages within the caller's reach."),
    "admin/login/": door("Leads to the one sign-in."),
    "admin/logout/": own("Leads to the one sign-out."),
    "admin/autocomplete/": own("Suggestions within the caller's reach.", more=autocomplete),
    "admin/jsi18n/": door("Words for scripts."),
    "admin/<app_label>/": own(
        "Pages within the caller's reach.", arguments=({"app_label": "accounts"}, {"app_label": "tenants"})
    ),
    "admin/<url>": own(
        "There is nothing at such addresses.", arguments=({"url": "nothing"},), more=_catch_all
    ),
    # --- administration: people
    "admin/accounts/user/": every("user"),
    "admin/accounts/user/add/": new("user"),
    "admin/accounts/user/<path:object_id>/change/": the("user"),
    "admin/accounts/user/<path:object_id>/delete/": the("user"),
    "admin/accounts/user/<path:object_id>/history/": the("user"),
    "admin/accounts/user/<path:object_id>/set_password/": the("user"),
    "admin/accounts/user/<path:object_id>/lock/": the("user"),
    "admin/accounts/user/<path:object_id>/lock_down/": the("user"),
    "admin/accounts/user/<path:object_id>/unlock/": the("user"),
    "admin/accounts/user/<path:object_id>/impersonate/": the("user"),
    "admin/accounts/user/<path:object_id>/sign_out/": the("user"),
    "admin/accounts/user/<path:object_id>/turn_off_factors/": the("user"),
    "admin/accounts/user/<path:object_id>/temporary_code/": the("user"),
    "admin/accounts/user/<path:object_id>/end_recovery/": the("user"),
    "admin/accounts/user/<path:object_id>/forget_devices/": the("user"),
    "admin/accounts/factors/": own("Numbers and people within the caller's reach.", more=_report_of_number),
    "admin/accounts/signingkey/": every("signingkey"),
    "admin/accounts/signingkey/add/": closed("Keys come by the clock, or by rotating."),
    "admin/accounts/signingkey/<path:object_id>/change/": of_installation("signingkey"),
    "admin/accounts/signingkey/<path:object_id>/delete/": closed(
        "Keys are revoked, not deleted.", "signingkey"
    ),
    "admin/accounts/signingkey/<path:object_id>/history/": of_installation("signingkey"),
    "admin/accounts/signingkey/<path:object_id>/rotate/": of_installation("signingkey"),
    "admin/accounts/signingkey/<path:object_id>/revoke/": of_installation("signingkey"),
    "admin/accounts/session/": every("session"),
    "admin/accounts/session/add/": closed("Sessions begin at a sign-in."),
    "admin/accounts/session/<path:object_id>/change/": the("session"),
    "admin/accounts/session/<path:object_id>/delete/": closed("Sessions are ended, not deleted.", "session"),
    "admin/accounts/session/<path:object_id>/history/": the("session"),
    "admin/accounts/session/<path:object_id>/end/": the("session"),
    # --- administration: integrations
    "admin/accounts/integration/": every("integration"),
    "admin/accounts/integration/add/": new("integration"),
    "admin/accounts/integration/<path:object_id>/change/": the("integration"),
    "admin/accounts/integration/<path:object_id>/delete/": the("integration"),
    "admin/accounts/integration/<path:object_id>/history/": the("integration"),
    "admin/accounts/integration/<path:object_id>/generate_key/": the("integration"),
    "admin/accounts/integration/<path:object_id>/add_keys/": the("integration"),
    "admin/accounts/integration/<path:object_id>/remove_key/": the("integration"),
    "admin/accounts/integration/<path:object_id>/read_keys/": the("integration"),
    "admin/accounts/apikey/": every("apikey"),
    "admin/accounts/apikey/add/": new("apikey"),
    "admin/accounts/apikey/<path:object_id>/change/": the("apikey"),
    "admin/accounts/apikey/<path:object_id>/delete/": closed("Keys are revoked, not deleted.", "apikey"),
    "admin/accounts/apikey/<path:object_id>/history/": the("apikey"),
    "admin/accounts/apikey/<path:object_id>/revoke/": the("apikey"),
    # --- administration: co-browse
    "admin/login/helprequest/": every("helprequest"),
    "admin/login/helprequest/add/": closed("People ask at their sign-in."),
    "admin/login/helprequest/<path:object_id>/change/": the("helprequest"),
    "admin/login/helprequest/<path:object_id>/delete/": closed(
        "Requests are answered, not deleted.", "helprequest"
    ),
    "admin/login/helprequest/<path:object_id>/history/": the("helprequest"),
    "admin/login/helprequest/<path:object_id>/confirm/": the("helprequest"),
    "admin/login/helprequest/<path:object_id>/deny/": the("helprequest"),
    "admin/cobrowse/application/": every("application"),
    "admin/cobrowse/application/add/": new("application"),
    "admin/cobrowse/application/<path:object_id>/change/": the("application"),
    "admin/cobrowse/application/<path:object_id>/delete/": the("application"),
    "admin/cobrowse/application/<path:object_id>/history/": the("application"),
    "admin/cobrowse/application/<path:object_id>/generate_token/": the("application"),
    "admin/cobrowse/application/<path:object_id>/forget_token/": the("application"),
    "admin/cobrowse/cobrowsesession/": every("cobrowse"),
    "admin/cobrowse/cobrowsesession/add/": closed("Sessions are started by customers and agents."),
    "admin/cobrowse/cobrowsesession/<path:object_id>/change/": the("cobrowse"),
    "admin/cobrowse/cobrowsesession/<path:object_id>/delete/": closed(
        "Sessions are ended, not deleted.", "cobrowse"
    ),
    "admin/cobrowse/cobrowsesession/<path:object_id>/history/": the("cobrowse"),
    "admin/cobrowse/cobrowsesession/<path:object_id>/end/": the("cobrowse"),
    # --- administration: companies, roles, permissions
    "admin/tenants/company/": every("company"),
    "admin/tenants/company/add/": new("company"),
    "admin/tenants/company/<path:object_id>/change/": the("company"),
    "admin/tenants/company/<path:object_id>/delete/": the("company"),
    "admin/tenants/company/<path:object_id>/history/": the("company"),
    "admin/tenants/role/": every("role"),
    "admin/tenants/role/add/": new("role"),
    "admin/tenants/role/<path:object_id>/change/": the("role"),
    "admin/tenants/role/<path:object_id>/delete/": the("role"),
    "admin/tenants/role/<path:object_id>/history/": the("role"),
    "admin/tenants/privilege/": every("privilege"),
    "admin/tenants/privilege/add/": new("privilege"),
    "admin/tenants/privilege/<path:object_id>/change/": the("privilege"),
    "admin/tenants/privilege/<path:object_id>/delete/": the("privilege"),
    "admin/tenants/privilege/<path:object_id>/history/": the("privilege"),
    "admin/tenants/permission/": every("permission"),
    "admin/tenants/permission/add/": new("permission"),
    "admin/tenants/permission/<path:object_id>/change/": the("permission"),
    "admin/tenants/permission/<path:object_id>/delete/": the("permission"),
    "admin/tenants/permission/<path:object_id>/history/": the("permission"),
    # --- administration: settings
    "admin/tenants/settingsrevision/": every("revision"),
    "admin/tenants/settingsrevision/everywhere/": own(
        "The settings of everywhere, for those who see every company."
    ),
    "admin/tenants/settingsrevision/company/<int:company_id>/": the("company"),
    "admin/tenants/settingsrevision/add/": closed(_KEPT),
    "admin/tenants/settingsrevision/<path:object_id>/change/": the("revision"),
    "admin/tenants/settingsrevision/<path:object_id>/delete/": closed(_KEPT, "revision"),
    "admin/tenants/settingsrevision/<path:object_id>/history/": the("revision"),
    "admin/tenants/settingsrevision/<path:object_id>/roll_back/": the("revision"),
    # --- administration: the Configuration Server
    "admin/configserver/prerequisites/": own(OF_INSTALLATION),
    "admin/configserver/explain/": own(
        "Somebody out of reach is explained like nobody.", sends=_explained, more=_explained_by_link
    ),
    "admin/configserver/person/": every("person"),
    "admin/configserver/person/add/": new("person"),
    "admin/configserver/person/<path:object_id>/change/": the("person"),
    "admin/configserver/person/<path:object_id>/delete/": the("person"),
    "admin/configserver/person/<path:object_id>/history/": the("person"),
    "admin/configserver/person/<path:object_id>/set_password/": the("person"),
    "admin/configserver/person/<path:object_id>/unlock/": the("person"),
    "admin/configserver/person/<path:object_id>/forget_entry/": the("person"),
    "admin/configserver/tenant/": every("tenant"),
    "admin/configserver/tenant/add/": new("tenant"),
    "admin/configserver/tenant/<path:object_id>/change/": of_installation("tenant"),
    "admin/configserver/tenant/<path:object_id>/delete/": of_installation("tenant"),
    "admin/configserver/tenant/<path:object_id>/history/": of_installation("tenant"),
    "admin/configserver/directory/": every("directory"),
    "admin/configserver/directory/add/": new("directory", sends=_new_directories),
    "admin/configserver/directory/<path:object_id>/change/": of_installation("directory"),
    "admin/configserver/directory/<path:object_id>/delete/": of_installation("directory"),
    "admin/configserver/directory/<path:object_id>/history/": of_installation("directory"),
    "admin/configserver/directory/<path:object_id>/test/": of_installation("directory"),
    "admin/configserver/directory/<path:object_id>/make_token/": of_installation("directory"),
    "admin/configserver/directory/<path:object_id>/import_people/": of_installation("directory"),
    "admin/configserver/role/": every("directoryrole"),
    "admin/configserver/role/add/": new("directoryrole"),
    "admin/configserver/role/<path:object_id>/change/": of_installation("directoryrole"),
    "admin/configserver/role/<path:object_id>/delete/": of_installation("directoryrole"),
    "admin/configserver/role/<path:object_id>/history/": of_installation("directoryrole"),
    "admin/configserver/permission/": every("directorypermission"),
    "admin/configserver/permission/add/": new("directorypermission"),
    "admin/configserver/permission/<path:object_id>/change/": of_installation("directorypermission"),
    "admin/configserver/permission/<path:object_id>/delete/": of_installation("directorypermission"),
    "admin/configserver/permission/<path:object_id>/history/": of_installation("directorypermission"),
    "admin/configserver/solutionpackage/": every("package"),
    "admin/configserver/solutionpackage/add/": new("package", sends=_held_packages),
    "admin/configserver/solutionpackage/<path:object_id>/change/": of_installation("package"),
    "admin/configserver/solutionpackage/<path:object_id>/delete/": closed(
        "A package is rolled back, not deleted.", "package"
    ),
    "admin/configserver/solutionpackage/<path:object_id>/history/": of_installation("package"),
    "admin/configserver/solutionpackage/<path:object_id>/roll_back/": of_installation("package"),
    # --- administration: trail and outbox
    "admin/audit/auditevent/": every("event"),
    "admin/audit/auditevent/export.csv": every("event"),
    "admin/audit/auditevent/export.json": every("event"),
    "admin/audit/auditevent/add/": closed(_READ_ONLY),
    "admin/audit/auditevent/<path:object_id>/change/": the("event"),
    "admin/audit/auditevent/<path:object_id>/delete/": closed(_READ_ONLY, "event"),
    "admin/audit/auditevent/<path:object_id>/history/": closed(
        "An event has no history of its own.", "event"
    ),
    "admin/delivery/delivery/": every("delivery"),
    "admin/delivery/delivery/add/": closed(_READ_ONLY),
    "admin/delivery/delivery/<path:object_id>/change/": the("delivery"),
    "admin/delivery/delivery/<path:object_id>/delete/": closed(_READ_ONLY, "delivery"),
    "admin/delivery/delivery/<path:object_id>/history/": the("delivery"),
    "admin/delivery/delivery/<path:object_id>/retry/": the("delivery"),
    # --- co-browse: customers and agents
    "cobrowse/agent/": own(
        "The caller's own sessions, and for an administrator those of his company.", more=_by_digits
    ),
    "cobrowse/agent/<uuid:uid>/": _SESSION_OF_AN_AGENT,
    "cobrowse/agent/<uuid:uid>/state": _SESSION_OF_AN_AGENT,
    "cobrowse/agent/<uuid:uid>/mode/": _SESSION_OF_AN_AGENT,
    "cobrowse/agent/<uuid:uid>/end/": _SESSION_OF_AN_AGENT,
    "cobrowse/js/gatehouse.js": door("The script of customers' pages, the same for everybody."),
    **{
        f"scim/v2/{path}": door(
            "Opens to tokens of directories alone, and to no person (tests/attacks/test_f_scim.py).", **more
        )
        for path, more in _SCIM.items()
    },
    "cobrowse/rest/authtoken": door("A random text that is kept nowhere."),
    "cobrowse/rest/live/sessions": door(
        "From pages of listed sites alone.", sends=(lambda them: {"key": f"{them.word}-csite", "role": 1},)
    ),
    "cobrowse/rest/live/sessions/<str:token>": own(
        "Sessions of the caller's company.", arguments=({"token": "123"},), more=_by_digits
    ),
    "cobrowse/rest/live/sessions/<str:token>/join": own(
        "Sessions of the caller's company.", arguments=({"token": "123"},), more=_by_digits
    ),
    "cobrowse/rest/live/users/<str:user_token>/session": _IN_A_SESSION,
    "cobrowse/rest/live/users/<str:user_token>/session/exit": _IN_A_SESSION,
    "cobrowse/rest/live/users/<str:user_token>/session/stop": _IN_A_SESSION,
    "cobrowse/rest/live/users/<str:user_token>/session/mode": _IN_A_SESSION,
    "cobrowse/rest/live/users/<str:user_token>/session/page": _IN_A_SESSION,
    "cobrowse/rest/history/sessions/<uuid:id>": _SESSION_OF_AN_AGENT,
    "api/v1/cobrowse-sessions/<uuid:id>/agent-tokens/": _SESSION_OF_AN_AGENT,
    "api/v1/cobrowse-sessions/<uuid:id>/agent-tokens/<uuid:token>/": _SESSION_OF_AN_AGENT,
    "api/1/accounts": own("The caller's own company."),
    "api/1/devices": own("There are none."),
    "api/1/devices/<str:id>": own("There are none.", arguments=({"id": _NOT_THERE},)),
    "api/1/devices/<str:id>/notifications": own("There are none.", arguments=({"id": _NOT_THERE},)),
    "api/1/policy/current": own("What the caller may."),
    "api/1/regions/closest": own("The one region that there is."),
    "api/1/sessions": own(
        "The caller's sessions, and for an administrator those of his company.",
        more=_sdk_sessions,
        writes=(CobrowseSession, Participant),
    ),
    "api/1/sessions/<str:id>": own(
        "Another company's session is like one that is not there.",
        arguments=({"id": _NOT_THERE}, {"id": "123456"}),
        more=lambda route: chain(_of_session(route), _by_digits(route)),
    ),
    "api/1/sessions/<str:id>/recording": _SESSION_OF_AN_AGENT,
    "api/1/users/me": own("Who calls."),
    "api/1/users/<str:id>": own(
        "Somebody out of reach is like nobody.", arguments=({"id": _NOT_THERE},), more=_sdk_user
    ),
    "demo/shop/": door("The shop of a demo, which is the same for everybody."),
    "demo/shop/basket/": door("The same."),
    "demo/shop/checkout/": door("The same."),
    # --- the machine
    "delivery/twilio/<uuid:uid>/status/": door(
        "Twilio says what became of a text message, and signs it.",
        arguments=({"uid": "00000000-0000-4000-8000-000000000000"},),
    ),
    "embed/code": door("A page without data, for frames of the sites that an integration trusts."),
    "embed/session/<slug:id>": door(
        "The same; the page itself looks nothing up.",
        arguments=({"id": "00000000-0000-4000-8000-000000000000"},),
    ),
    "outbox/": door("The mails of a demo, on the machine of the demo alone."),
}
