"""What a signed-in person is told of himself, by `me/` and at the end of a sign-in. Plain values: no statement once cached."""

from typing import Any

from rest_framework.renderers import JSONRenderer

from accounts.principal import Principal
from tenants.ids import company_uid
from tenants.rights import Companies, Everywhere


def _opened(kind: str, companies: Companies) -> dict[str, Any]:
    everywhere = isinstance(companies, Everywhere)
    uids = [] if isinstance(companies, Everywhere) else sorted(filter(None, map(company_uid, companies)))
    return {"kind": kind, "everywhere": everywhere, "companies": uids}


def identity(principal: Principal) -> dict[str, Any]:
    """User, company, roles, privileges and permissions, as `accounts.serializers.Me` describes them."""
    user, company = principal.user, principal.company
    return {
        "user": {
            "id": user.uid,
            "realm": user.realm,
            "username": user.username,
            "display_name": user.display_name,
            "email": user.email,
            "email_verified": user.email_verified_at is not None,
            "phone": user.phone,
            "phone_verified": user.phone_verified_at is not None,
            "language": user.language,
            "must_change_password": user.must_change_password,
        },
        "company": None if company is None else {"id": company.uid, "name": company.name},
        "roles": list(principal.role_names),
        "privileges": [
            {"application": application, "name": name}
            for application, name in sorted(principal.rights.privileges)
        ],
        "permissions": [
            _opened(kind, companies) for kind, companies in sorted(principal.rights.reach.items())
        ],
    }


def _impersonator(principal: Principal) -> dict[str, Any] | None:
    behind = principal.impersonator
    if behind is None:
        return None
    named = {"id": behind.uid, "username": behind.username, "display_name": behind.display_name}
    return named | {"reads_only": principal.reads_only}


def described(principal: Principal) -> dict[str, Any]:
    """The same with the session that asks."""
    session = principal.session
    return identity(principal) | {
        "session": {
            "id": session.uid,
            "kind": session.kind,
            "methods": session.methods,
            "created_at": session.created_at,
            "confirmed_at": session.confirmed_at,
            "expires_at": session.expires_at,
            "impersonator": _impersonator(principal),
        }
    }


def told(principal: Principal) -> bytes:
    """The same as JSON, made once for each principal: what it says of a person moves on with the epoch, as the principal does."""
    made: bytes | None = principal.memo.get("told")
    if made is None:
        made = principal.memo["told"] = JSONRenderer().render(described(principal))
    return made
