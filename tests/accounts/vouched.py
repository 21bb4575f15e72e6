"""What the tests of integrations share: an integration with a key, and tokens that it signs."""

from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings

from accounts.models import Integration, IntegrationKey, KeySource
from accounts.tokens.foreign_keys import PublicKey, public_keys
from core import entropy
from core.db import unit
from core.epoch import bump
from tenants.models import Company, Role

RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
ALGORITHM = {RSA: "RS256", OTHER_RSA: "RS256", EC: "ES256", ED: "EdDSA"}


def pem_of(private: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_of(private: Any) -> PublicKey:
    (found,) = public_keys(pem_of(private))
    return found


def integration_of(
    company: Company, *, ceiling: str = "Company Administrator", keys: tuple[Any, ...] = (RSA,), **more: Any
) -> Integration:
    """An integration of this company with these keys."""
    with unit():
        made = Integration.objects.create(
            **{
                "company": company,
                "name": "Desk",
                "licence_key": entropy.words_code(20),
                "ceiling": Role.objects.get(name=ceiling, company=None),
            }
            | more
        )
        for private in keys:
            add_key(made, private)
        bump()
    return made


def add_key(integration: Integration, private: Any, **more: Any) -> IntegrationKey:
    public = public_of(private)
    return IntegrationKey.objects.create(
        **{
            "integration": integration,
            "kid": public.kid,
            "algorithm": public.algorithm,
            "public": dict(public.jwk),
            "source": KeySource.PASTED,
            "created_at": datetime.now().astimezone(),
        }
        | more
    )


GONE = object()  # a claim that the token is without


def claims_of(integration: Integration, *, now: datetime, **more: Any) -> dict[str, Any]:
    """The claims of a good token, with these instead."""
    issued_at = int(now.timestamp())
    usual = {
        "iss": integration.licence_key,
        "aud": settings.PUBLIC_URL,
        "iat": issued_at,
        "exp": issued_at + 600,
        "sub": "newcomer@acme.example",
    }
    return {name: value for name, value in (usual | more).items() if value is not GONE}


def token_of(
    integration: Integration,
    *,
    now: datetime,
    key: Any = RSA,
    headers: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    """A token that this integration signs."""
    claims = claims_of(integration, now=now, **more)
    return jwt.encode(claims, key, algorithm=ALGORITHM[key], headers=headers)
