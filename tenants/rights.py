"""What a person may do and see, as one frozen value; and the one page of rules about it.

`NEEDS` says which privilege a verb on a kind of object takes. Reach says in which companies. Rank bounds what can be given on.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied
from tenants.models import Kind

APPLICATION = "Gatehouse"
OPEN_ADMIN = "Administration - Open"
USERS_VIEW, USERS_MANAGE = "Users - View", "Users - Manage"
USERS_IMPERSONATE = "Users - Impersonate"
ROLES_VIEW, ROLES_MANAGE = "Roles - View", "Roles - Manage"
COMPANIES_VIEW, COMPANIES_MANAGE = "Companies - View", "Companies - Manage"
SETTINGS_VIEW, SETTINGS_MANAGE = "Settings - View", "Settings - Manage"
SESSIONS_VIEW, SESSIONS_END = "Sessions - View", "Sessions - End"
AUDIT_VIEW = "Audit - View"
DELIVERIES_VIEW, DELIVERIES_RETRY = "Deliveries - View", "Deliveries - Retry"
DIRECTORIES_VIEW, DIRECTORIES_MANAGE = "Directories - View", "Directories - Manage"
INTEGRATIONS_VIEW, INTEGRATIONS_MANAGE = "Integrations - View", "Integrations - Manage"
API_KEYS_VIEW, API_KEYS_MANAGE = "API Keys - View", "API Keys - Manage"
SIGNING_KEYS_VIEW, SIGNING_KEYS_MANAGE = "Signing Keys - View", "Signing Keys - Manage"
INTROSPECT = "Tokens - Introspect"
APPLICATIONS_VIEW, APPLICATIONS_MANAGE = "Applications - View", "Applications - Manage"
COBROWSE_VIEW, COBROWSE_END = "Co-browse Sessions - View", "Co-browse Sessions - End"
HELP_ANSWER = "Help - Answer"
# Of the agent's desktop, as the source systems name it: whoever has it may work with co-browse sessions (mission C6).
MONITOR = ("Workspace", "Agent - Can Monitor Co-browse")
OF_COBROWSE = frozenset([MONITOR, (APPLICATION, COBROWSE_VIEW), (APPLICATION, COBROWSE_END)])

PRIVILEGES = {
    OPEN_ADMIN: _("Open the administration."),
    USERS_VIEW: _("See people."),
    USERS_MANAGE: _("Create, change, lock and delete people."),
    USERS_IMPERSONATE: _("Act as people below oneself."),
    ROLES_VIEW: _("See roles, privileges and permissions."),
    ROLES_MANAGE: _("Create, change and delete roles, privileges and permissions."),
    COMPANIES_VIEW: _("See companies."),
    COMPANIES_MANAGE: _("Create, change and delete companies."),
    SETTINGS_VIEW: _("See the settings."),
    SETTINGS_MANAGE: _("Change the settings."),
    SESSIONS_VIEW: _("See who is signed in."),
    SESSIONS_END: _("End people's sessions."),
    AUDIT_VIEW: _("See and export the audit events."),
    DELIVERIES_VIEW: _("See mails and texts on their way."),
    DELIVERIES_RETRY: _("Send a failed mail or text again."),
    DIRECTORIES_VIEW: _("See tenants, directories, directory roles and role packages."),
    DIRECTORIES_MANAGE: _("Change tenants, directories, directory roles and role packages."),
    INTEGRATIONS_VIEW: _("See integrations and their public keys."),
    INTEGRATIONS_MANAGE: _("Create, change and delete integrations and their keys."),
    API_KEYS_VIEW: _("See API keys, without their secrets."),
    API_KEYS_MANAGE: _("Make and revoke API keys."),
    SIGNING_KEYS_VIEW: _("See the keys that sign our tokens."),
    SIGNING_KEYS_MANAGE: _("Rotate and revoke the keys that sign our tokens."),
    INTROSPECT: _("Ask whether a token is valid."),
    APPLICATIONS_VIEW: _("See co-browse applications and their options, without the tokens."),
    APPLICATIONS_MANAGE: _("Create, change and delete co-browse applications and their options."),
    COBROWSE_VIEW: _("See the co-browse sessions of everybody."),
    COBROWSE_END: _("End co-browse sessions of others."),
    HELP_ANSWER: _("See who asks for help at the sign-in, and answer."),
}

# What can be left to a program, by the names of the API: scope -> privilege. Nothing opens the administration to one.
SCOPES: Mapping[str, str] = {
    "users:read": USERS_VIEW,
    "users:write": USERS_MANAGE,
    "roles:read": ROLES_VIEW,
    "roles:write": ROLES_MANAGE,
    "companies:read": COMPANIES_VIEW,
    "companies:write": COMPANIES_MANAGE,
    "settings:read": SETTINGS_VIEW,
    "settings:write": SETTINGS_MANAGE,
    "sessions:read": SESSIONS_VIEW,
    "sessions:write": SESSIONS_END,
    "audit-events:read": AUDIT_VIEW,
    "deliveries:read": DELIVERIES_VIEW,
    "deliveries:write": DELIVERIES_RETRY,
    "directories:read": DIRECTORIES_VIEW,
    "directories:write": DIRECTORIES_MANAGE,
    "integrations:read": INTEGRATIONS_VIEW,
    "integrations:write": INTEGRATIONS_MANAGE,
    "api-keys:read": API_KEYS_VIEW,
    "api-keys:write": API_KEYS_MANAGE,
    "signing-keys:read": SIGNING_KEYS_VIEW,
    "signing-keys:write": SIGNING_KEYS_MANAGE,
    "tokens:introspect": INTROSPECT,
    "applications:read": APPLICATIONS_VIEW,
    "applications:write": APPLICATIONS_MANAGE,
    "cobrowse-sessions:read": COBROWSE_VIEW,
    "cobrowse-sessions:write": COBROWSE_END,
}

# kind -> verb -> privilege. What is not listed, nobody may do.
NEEDS: Mapping[str, Mapping[str, str]] = {
    "user": {
        "view": USERS_VIEW,
        "add": USERS_MANAGE,
        "change": USERS_MANAGE,
        "delete": USERS_MANAGE,
        "impersonate": USERS_IMPERSONATE,
        "help": HELP_ANSWER,
    },
    "role": {"view": ROLES_VIEW, "add": ROLES_MANAGE, "change": ROLES_MANAGE, "delete": ROLES_MANAGE},
    "permission": {"view": ROLES_VIEW, "add": ROLES_MANAGE, "change": ROLES_MANAGE, "delete": ROLES_MANAGE},
    "privilege": {"view": ROLES_VIEW, "add": ROLES_MANAGE, "change": ROLES_MANAGE, "delete": ROLES_MANAGE},
    "company": {
        "view": COMPANIES_VIEW,
        "add": COMPANIES_MANAGE,
        "change": COMPANIES_MANAGE,
        "delete": COMPANIES_MANAGE,
    },
    "session": {"view": SESSIONS_VIEW, "delete": SESSIONS_END},
    "setting": {"view": SETTINGS_VIEW, "change": SETTINGS_MANAGE},
    "audit": {"view": AUDIT_VIEW},
    "directory": {
        "view": DIRECTORIES_VIEW,
        "add": DIRECTORIES_MANAGE,
        "change": DIRECTORIES_MANAGE,
        "delete": DIRECTORIES_MANAGE,
    },
    "delivery": {"view": DELIVERIES_VIEW, "change": DELIVERIES_RETRY},
    "integration": {
        "view": INTEGRATIONS_VIEW,
        "add": INTEGRATIONS_MANAGE,
        "change": INTEGRATIONS_MANAGE,
        "delete": INTEGRATIONS_MANAGE,
    },
    "apikey": {
        "view": API_KEYS_VIEW,
        "add": API_KEYS_MANAGE,
        "change": API_KEYS_MANAGE,
        "delete": API_KEYS_MANAGE,
    },
    "signingkey": {"view": SIGNING_KEYS_VIEW, "add": SIGNING_KEYS_MANAGE, "change": SIGNING_KEYS_MANAGE},
    "application": {
        "view": APPLICATIONS_VIEW,
        "add": APPLICATIONS_MANAGE,
        "change": APPLICATIONS_MANAGE,
        "delete": APPLICATIONS_MANAGE,
    },
    "cobrowse": {"view": COBROWSE_VIEW, "delete": COBROWSE_END},
    "help": {"view": HELP_ANSWER, "change": HELP_ANSWER},
}


class Everywhere:
    """Stands for every company."""

    def __repr__(self) -> str:
        return "EVERYWHERE"


EVERYWHERE = Everywhere()
Companies = frozenset[int] | Everywhere
NOWHERE: frozenset[int] = frozenset()


def covers(outer: Companies, inner: Companies) -> bool:
    """Whether `outer` holds every company of `inner`."""
    if isinstance(outer, Everywhere):
        return True
    return not isinstance(inner, Everywhere) and inner <= outer


def joined(a: Companies, b: Companies) -> Companies:
    """The companies of both."""
    if isinstance(a, Everywhere) or isinstance(b, Everywhere):
        return EVERYWHERE
    return a | b


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Everything that somebody's roles and permissions give: rank, privileges, and companies by kind of object."""

    rank: int = 0
    privileges: frozenset[tuple[str, str]] = frozenset()
    reach: Mapping[str, Companies] = field(default_factory=dict)

    def has(self, name: str, *, application: str = APPLICATION) -> bool:
        """Whether the privilege is held."""
        return (application, name) in self.privileges

    def may(self, verb: str, kind: str) -> bool:
        """Whether the verb (view, add, change, delete) is allowed on some objects of this kind."""
        needed = NEEDS.get(kind, {}).get(verb)
        return needed is not None and self.has(needed)

    def sees(self, kind: str) -> Companies:
        """The companies whose objects of this kind can be seen."""
        return joined(self.reach.get(kind, NOWHERE), self.reach.get(Kind.ALL.value, NOWHERE))

    @property
    def may_monitor(self) -> bool:
        """Whether this person may work with co-browse sessions."""
        return MONITOR in self.privileges

    @property
    def may_open_admin(self) -> bool:
        """Whether the administration opens for this person."""
        return self.has(OPEN_ADMIN)


NOTHING = Rights()


def sum_of(parts: Iterable[Rights]) -> Rights:
    """What several roles and permissions give together."""
    rank, privileges, reach = 0, frozenset[tuple[str, str]](), dict[str, Companies]()
    for part in parts:
        rank = max(rank, part.rank)
        privileges |= part.privileges
        for kind, companies in part.reach.items():
            reach[kind] = joined(reach.get(kind, NOWHERE), companies)
    return Rights(rank=rank, privileges=privileges, reach=reach)


def narrowed(rights: Rights, scopes: Collection[str]) -> Rights:
    """The same rights with no privilege beyond these scopes; privileges of other systems are none of a program's."""
    left = {(APPLICATION, SCOPES[one]) for one in scopes if one in SCOPES}
    return replace(rights, privileges=rights.privileges & left)


def joined_by(rights: Rights, privileges: frozenset[tuple[str, str]]) -> Rights:
    """The same rights with these privileges as well."""
    return replace(rights, privileges=rights.privileges | privileges)


NOT_BELOW = Denied(
    code="rank_too_high",
    message=_("You can act as people below you alone, and this person is not."),
)


def refuse_impersonation(by: Rights, person: Rights) -> Denied | None:
    """The refusal when somebody with the rights `by` may not act as this person: only as somebody below him, in all."""
    return NOT_BELOW if person.rank >= by.rank else exceeds(by, person)


def exceeds(actor: Rights, given: Rights) -> Denied | None:
    """Refuse what gives more than the actor has, computed over everything it would give: rank, privileges and reach."""
    if given.rank > actor.rank:
        return Denied(
            code="rank_too_high", message=_("This is above your own rank, so you cannot give or change it.")
        )
    if missing := given.privileges - actor.privileges:
        application, name = min(missing)
        return Denied(
            code="privilege_not_held",
            message=_("You cannot give a privilege that you do not have yourself: %(name)s.")
            % {"name": f"{application}: {name}"},
        )
    for kind, companies in given.reach.items():
        if not covers(actor.sees(kind), companies):
            return Denied(
                code="reach_not_held", message=_("You cannot let somebody see what you cannot see yourself.")
            )
    return None
