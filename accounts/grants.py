"""What a session is bounded to that a person did not begin himself: the scopes of an API key, or what an integration's token says.

A grant is kept on the session as plain JSON: `{"scopes": […]}` of a key, with `rank` where somebody else made it; `{"role": …,
"policy": …}` of a token, each only where the token has the claim; `{"impersonation": "read" or "write"}` where an administrator acts
as the person (`accounts.impersonation`); `{"client": …, "scope": […]}` of an application that the person signed in to (app `oidc`),
whose tokens open nothing here but what it may know. It is judged anew with every principal, so a role that
changes, or a lower ceiling, shows within a second.
"""

from collections.abc import Collection, Sequence
from typing import Any

from accounts.models import Integration, Session, SessionKind
from accounts.tokens import policy
from accounts.tokens.foreign import ROLES
from accounts.tokens.policy import Policy
from core import epoch
from core.outcomes import Denied
from tenants.models import Role
from tenants.rights import MONITOR, OF_COBROWSE, SCOPES, Rights, exceeds, joined_by, narrowed
from tenants.roles import RoleGiven, role_given
from tenants.rules import rights_from

Grant = dict[str, Any]
READ, WRITE = "read", "write"  # how far somebody goes who acts as another
# Where a policy has another name for what the API shows: `sessions` of a policy are co-browse sessions, `features` the settings.
COBROWSE = "sessions"
_NAMED = {"settings": "features", "sessions": "sign-ins", "cobrowse-sessions": COBROWSE}
_ACTIONS = {"read": ("read",), "write": ("create", "update", "delete")}

_built_in = epoch.Cached[str, int | None](
    lambda name: (
        Role.objects.filter(is_built_in=True, company=None, name=name).values_list("pk", flat=True).first()
    )
)


def role_of_claim(name: str) -> RoleGiven | None:
    """The built-in role that the claim `role` names."""
    pk = _built_in(ROLES[name]) if name in ROLES else None
    return None if pk is None else role_given(pk)


def is_bounded(session: Session) -> bool:
    """Whether the session is no full sign-in of the person, so that it reaches nothing of the person's own account."""
    grant = session.grant or {}
    # Without a role there is nothing but the policy: where that is missing too, nothing at all is open.
    return (
        session.kind in {SessionKind.KEY, SessionKind.JWT, SessionKind.IMPERSONATION, SessionKind.OPENID}
        or "policy" in grant
        or ("role" in grant and grant["role"] is None)
    )


def roles_under(grant: Grant | None, roles: Sequence[RoleGiven]) -> list[RoleGiven]:
    """The roles that count in a session with this grant: those of the person, or what the token names instead."""
    if grant is None or "role" not in grant:
        return list(roles)
    named = role_of_claim(grant["role"]) if grant["role"] is not None else None
    return [] if named is None else [named]


def roles_asking(grant: Grant | None, roles: Sequence[RoleGiven]) -> list[RoleGiven]:
    """The roles whose second factor is asked for: those of the person, whose account it is, and the one that the token names."""
    return [*roles, *(one for one in roles_under(grant, roles) if one not in roles)]


def policy_of(grant: Grant) -> Policy | None:
    """The policy of the token, if it has one. One that was not understood was refused before there was a session."""
    if "policy" not in grant:
        return None
    return policy.parse(grant["policy"], with_role=isinstance(grant.get("role"), str))


def _scopes_of(found: Policy | None) -> set[str]:
    if found is None:
        return set()
    return {
        scope
        for scope in SCOPES
        for resource, _colon, verb in [scope.partition(":")]
        if all(found.names(_NAMED.get(resource, resource), action) for action in _ACTIONS.get(verb, (verb,)))
    }


def _ceiling(integration: Integration) -> Rights:
    ceiling = role_given(integration.ceiling_id)
    return rights_from([ceiling] if ceiling is not None else [], (), own=integration.company_id)


def refuse_above(integration: Integration, *given: Rights) -> Denied | None:
    """The refusal when any of these gives more than the ceiling of the integration."""
    ceiling = _ceiling(integration)
    return next((denied for one in given if (denied := exceeds(ceiling, one)) is not None), None)


def rights_under(grant: Grant, *, roles: Sequence[RoleGiven], full: Rights, own: int | None) -> Rights:
    """What counts under this grant of a person with these roles, who may do `full` in all: what was given to him alone does not go
    with a role that a token names."""
    return full if "role" not in grant else rights_from(roles_under(grant, roles), (), own=own)


def bounded(session: Session, *, roles: Sequence[RoleGiven], full: Rights) -> Rights | None:
    """What is left in this session of what its person may do; None when it holds no longer."""
    grant, user = session.grant, session.user
    if session.kind == SessionKind.OPENID:
        return full  # which it tells its client of, as far as the scopes reach, and does nothing with
    if session.kind == SessionKind.IMPERSONATION or grant is None:
        return full  # whether an administrator may act as the person, `accounts.principal` judges by his own sign-in
    if "scopes" in grant:
        # Whoever made the key for somebody else has seen it: it is worth nothing while its person stands above what he was then.
        if full.rank > grant.get("rank", full.rank):
            return None
        return narrowed(full, scopes_given(grant["scopes"]))
    integration = session.integration
    if integration is None or not integration.is_active or integration.company_id != user.company_id:
        return None
    if session.integration_key_id is None:
        return None  # the key that vouched is trusted no more
    rights = rights_under(grant, roles=roles, full=full, own=user.company_id)
    # All that the person may counts, also where the token names a lower role: it is the account that must not be reached from below.
    if refuse_above(integration, full, rights) is not None:
        return None
    if "role" in grant and grant["role"] is None:
        rights = _ceiling(integration)  # no role: the policy alone says what, and the ceiling how much
    if is_bounded(session):
        found = policy_of(grant)
        return joined_by(narrowed(rights, _scopes_of(found)), _cobrowse(grant, found) & rights.privileges)
    return rights


def _cobrowse(grant: Grant, found: Policy | None) -> frozenset[tuple[str, str]]:
    """What of co-browse is open under this grant beside what its policy names as a whole (mission L3): all of it without a policy, and
    where one only adjusts a role; where it names some of the sessions, to work with those, of which the policy says each time."""
    entry = found.entry(COBROWSE) if found is not None else None
    if entry is not None:
        return frozenset([MONITOR])
    is_open = found.adjusts if found is not None else isinstance(grant.get("role", ""), str)
    return OF_COBROWSE if is_open else frozenset()


def scopes_given(listed: Collection[str]) -> set[str]:
    """Those of these scopes that there are."""
    return set(listed) & SCOPES.keys()
