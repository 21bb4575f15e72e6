"""Sealed columns: one kind of field, so that none is forgotten when the keys change."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.forms import modelform_factory
from rest_framework.serializers import ModelSerializer

from core.crypto import Sealed
from core.errors import PortalError
from core.models import IdempotentAnswer
from core.sealed import NOTHING, SealedField, seal, sealed_fields, unseal
from tests.conftest import Clock

ROOT = Path(__file__).parents[2]
OURS = ("portal", "login", "twofactor", "accounts", "tenants", "delivery", "audit", "core")
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def row(db: None, clock: Clock) -> IdempotentAnswer:
    """A row with a secret in it."""
    made = IdempotentAnswer(key="a" * 64, request="b" * 64, created_at=clock())
    made.answer = seal(made, "answer", SECRET.encode())
    made.save(force_insert=True)
    return IdempotentAnswer.objects.get()


def test_what_is_kept_opens_in_its_own_row_alone(row: IdempotentAnswer) -> None:
    assert unseal(row, "answer") == SECRET.encode()
    with pytest.raises(PortalError):
        unseal(IdempotentAnswer(key="c" * 64, answer=row.answer), "answer")


def test_neither_a_list_nor_a_form_nor_a_dump_shows_it_by_accident(row: IdempotentAnswer) -> None:
    class Shown(ModelSerializer[Any]):
        class Meta:
            model, fields = IdempotentAnswer, "__all__"

    shown = [
        *IdempotentAnswer.objects.values(),
        *IdempotentAnswer.objects.values_list("answer"),
        Shown(row).data,
        serializers.serialize("json", [row]),
        f"{vars(row)}",
    ]
    assert SECRET not in str(shown)
    assert row.answer.text not in str(shown)
    assert "answer" not in modelform_factory(IdempotentAnswer, fields="__all__").base_fields


@pytest.mark.parametrize("plain", [SECRET, SECRET.encode(), ""])
def test_what_was_not_sealed_is_not_stored(row: IdempotentAnswer, plain: Any) -> None:
    with pytest.raises(TypeError, match=r"IdempotentAnswer\.answer"):
        IdempotentAnswer.objects.update(answer=plain)
    row.answer = plain
    with pytest.raises(TypeError):
        row.save()


def test_nothing_is_kept_as_nothing(row: IdempotentAnswer) -> None:
    IdempotentAnswer.objects.update(answer=NOTHING)
    assert IdempotentAnswer.objects.get().answer == Sealed("")


def test_what_a_column_is_for_follows_from_its_name_unless_it_was_sealed_under_another_one() -> None:
    assert {field.purpose for field in sealed_fields()} >= {"attempt.name", "idempotency"}
    field = SealedField()
    field.model, field.name = IdempotentAnswer, "other"  # type: ignore[assignment]
    assert field.purpose == "core.idempotentanswer.other"


def test_nothing_else_seals_what_is_stored() -> None:
    """A column sealed by hand would be forgotten by `reseal`; a cursor is sealed for the one who asked and stored nowhere."""
    found = set()
    for path in (path for package in OURS for path in ROOT.joinpath(package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            by_attribute = (
                isinstance(node, ast.Attribute)
                and node.attr in {"seal", "Sealed"}
                and isinstance(node.value, ast.Name)
                and node.value.id == "crypto"
            )
            by_import = (
                isinstance(node, ast.ImportFrom)
                and node.module == "core.crypto"
                and {"seal", "Sealed"} & {alias.name for alias in node.names}
            )
            if by_attribute or by_import:
                found.add(str(path.relative_to(ROOT)))
    assert found == {"core/sealed.py", "core/reseal.py", "core/paging.py"}
