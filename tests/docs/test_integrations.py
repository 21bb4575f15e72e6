"""The guide of integrations: its claims and its code make tokens that the running API takes, and what it lists is what there is."""

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.utils import timezone

from accounts import bearer, vouching
from accounts.integrations.presets import PRODUCTS
from accounts.models import User
from accounts.tokens import foreign, policy
from accounts.tokens.foreign import Flawed
from tenants.models import Company
from tests.accounts.test_bearer import get
from tests.accounts.vouched import RSA, integration_of, public_of, token_of
from tests.docs import tables

GUIDE = (tables.DOCS / "integrations.md").read_text(encoding="utf-8")


def _between(name: str) -> str:
    return re.sub(r"^```.*$", "", tables.block(GUIDE, name), flags=re.MULTILINE)


@pytest.mark.django_db
def test_the_claims_of_the_guide_are_taken(acme: Company, ben: User) -> None:
    claims: dict[str, Any] = json.loads(_between("token"))
    now = timezone.now()
    life = claims["exp"] - claims["iat"]
    desk = integration_of(acme, licence_key=claims["iss"])
    here = {"aud": settings.PUBLIC_URL, "iat": int(now.timestamp()), "exp": int(now.timestamp()) + life}
    answer = get(token_of(desk, now=now, **(claims | here)))
    assert answer.status_code == 200, answer.json()
    assert answer.json()["user"]["username"] == claims["sub"]


@pytest.mark.django_db
def test_the_code_of_the_guide_makes_a_token_that_is_taken(acme: Company) -> None:
    desk = integration_of(acme)
    space: dict[str, Any] = {}
    exec(_between("python"), space)  # noqa: S102  # the guide's own code
    token = space["token_for"](
        "new@acme.example", "New", licence_key=desk.licence_key, portal=settings.PUBLIC_URL,
        private_key=RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), kid=public_of(RSA).kid,
    )  # fmt: skip
    answer = get(token)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["user"]["display_name"] == "New"


def test_every_policy_of_the_guide_is_one() -> None:
    table = GUIDE.partition("## What the policy opens")[2].partition("Resources are")[0]
    found = re.findall(r"`(\{.*?\})`(?=,| \|)", table)
    assert len(found) >= 9
    for text in found:
        assert policy.parse(json.loads(text), with_role=False) is not None, text


def test_every_reason_of_a_refusal_stands_in_the_guide() -> None:
    told = set(re.findall(r"`([\w-]+)`", GUIDE.partition("## When a token is refused")[2]))
    flaws = {
        one.flaw
        for module in (foreign, vouching, bearer)
        for one in vars(module).values()
        if isinstance(one, Flawed)
    }
    assert flaws - {"iss"} <= told


def test_every_product_stands_in_the_guide_with_its_origins() -> None:
    for product in PRODUCTS.values():
        assert f"| {product.preset.label} |" in GUIDE
        for origin in product.origins:
            assert f"`{origin}`" in GUIDE
