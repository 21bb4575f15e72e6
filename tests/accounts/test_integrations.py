"""The verbs on integrations: what each does, writes down and refuses, and whose sessions end."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.integrations import (
    IntegrationDraft,
    change_integration,
    create_integration,
    delete_integration,
)
from accounts.models import Integration, KeySource, Preset, Session, User
from audit.events import Event
from audit.models import AuditEvent
from core.outcomes import Denied
from tenants.models import Company, Role
from tenants.services.role import delete_role
from tests.accounts.story import built_in, code, events
from tests.accounts.test_bearer import get
from tests.accounts.vouched import EC, RSA, add_key, integration_of, token_of
from tests.cast import acting

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def draft(of: Company, **more: Any) -> IntegrationDraft:
    usual = {"name": "Desk", "company": of, "ceiling": built_in("Agent")}
    return IntegrationDraft(**(usual | more))


def make(user: User, **more: Any) -> Integration | Denied:
    return create_integration(draft(user.company, **more), by=acting(user), now=timezone.now())


def change(integration: Integration, user: User, **more: Any) -> Integration | Denied:
    return change_integration(integration, IntegrationDraft(**more), by=acting(user), now=timezone.now())


# --- making ------------------------------------------------------------------------------------------------------------


def test_ada_makes_an_integration_of_her_company(ada: User, acme: Company) -> None:
    made = make(ada, origins=["https://Desk.Example:443", " ", "http://localhost:3000"], lifetime_minutes=30)
    assert isinstance(made, Integration)
    made.refresh_from_db()
    assert (made.company, made.ceiling.name, made.preset, made.is_active) == (
        acme,
        "Agent",
        Preset.OTHER,
        True,
    )
    assert made.origins == ["https://desk.example", "http://localhost:3000"]
    assert len(made.licence_key) == 20
    assert made.licence_key.isalnum()
    row = AuditEvent.objects.get(event=Event.INTEGRATION_CREATED)
    assert (row.actor_uid, row.subject_uid, row.company_id) == (str(ada.uid), str(made.uid), acme.pk)


@pytest.mark.parametrize(("preset", "minutes"), [("intercom", 60), ("zendesk", 1440), ("other", 1440)])
def test_a_product_brings_how_long_its_tokens_live(ada: User, preset: str, minutes: int) -> None:
    made = make(ada, preset=preset)
    assert isinstance(made, Integration)
    assert (made.preset, made.lifetime_minutes) == (preset, minutes)


@pytest.mark.parametrize(
    ("given", "refused", "field"),
    [
        ({"name": ""}, "invalid", "name"),
        ({"name": "x" * 121}, "invalid", "name"),
        ({"preset": "slack"}, "invalid", "preset"),
        ({"lifetime_minutes": 0}, "invalid", "lifetime_minutes"),
        ({"lifetime_minutes": 1441}, "invalid", "lifetime_minutes"),
        ({"origins": ["desk.example"]}, "invalid", "origins"),
        ({"jwks_url": "ftp://desk.example/keys"}, "invalid", "jwks_url"),
        ({"company": None}, "invalid", "company"),
    ],
)
def test_what_does_not_fit_is_refused_and_makes_nothing(
    ada: User, given: dict[str, Any], refused: str, field: str
) -> None:
    result = make(ada, **given)
    assert isinstance(result, Denied)
    assert (result.code, result.field) == (refused, field)
    assert not Integration.objects.exists()


def test_a_name_is_there_once_in_a_company(ada: User, cleo: User) -> None:
    assert isinstance(make(ada), Integration)
    assert code(make(ada)) == "name_taken"
    assert isinstance(make(cleo), Integration)


def test_who_may_not_makes_none(ben: User, cleo: User, acme: Company) -> None:
    assert code(make(ben)) == "forbidden"
    assert code(create_integration(draft(acme), by=acting(cleo), now=timezone.now())) == "forbidden"


def test_the_ceiling_is_not_above_whoever_makes_it(ada: User, acme: Company, globex: Company) -> None:
    assert isinstance(make(ada, ceiling=built_in("Company Administrator")), Integration)
    assert code(make(ada, name="Up", ceiling=built_in("Full Administrator"))) == "rank_too_high"
    theirs = Role.objects.create(name="Theirs", company=globex, rank=1)
    assert code(make(ada, name="Theirs", ceiling=theirs)) == "role_of_other_company"


# --- changing ------------------------------------------------------------------------------------------------------------


def test_what_is_changed_is_written_down(ada: User, acme: Company) -> None:
    desk = integration_of(acme)
    changed = change(desk, ada, name="Front desk", accepts_cobrowse=True)
    assert isinstance(changed, Integration)
    assert (changed.name, changed.accepts_cobrowse) == ("Front desk", True)
    assert AuditEvent.objects.get(event=Event.INTEGRATION_CHANGED).details == {
        "fields": ["accepts_cobrowse", "name"]
    }
    assert change(desk, ada, name="Front desk") == desk
    assert len(events(Event.INTEGRATION_CHANGED)) == 1  # nothing changed, nothing is written


def test_an_integration_stays_with_its_company(root: User, acme: Company, globex: Company) -> None:
    assert code(change(integration_of(acme), root, company=globex)) == "fixed"


def test_nobody_touches_one_that_lets_in_people_above_him(ada: User, acme: Company) -> None:
    above = integration_of(acme, ceiling="Full Administrator")
    for refused in (
        change(above, ada, name="Mine"),
        change(above, ada, ceiling=built_in("Agent")),
        delete_integration(above, by=acting(ada), now=timezone.now()),
    ):
        assert code(refused) == "rank_too_high"
    above.refresh_from_db()
    assert (above.name, above.ceiling.name) == ("Desk", "Full Administrator")


def test_one_of_another_company_is_not_there(cleo: User, acme: Company) -> None:
    desk = integration_of(acme)
    assert code(change(desk, cleo, name="Mine")) == "not_found"
    assert code(delete_integration(desk, by=acting(cleo), now=timezone.now())) == "not_found"


# --- what ends -----------------------------------------------------------------------------------------------------------


def begun(desk: Integration, user: User, key: Any = RSA) -> tuple[str, Session]:
    token = token_of(desk, now=timezone.now(), sub=user.username, key=key)
    assert get(token).status_code == 200
    return token, Session.objects.latest("id")


def ended_for(session: Session) -> str:
    session.refresh_from_db()
    return session.ended_reason if session.ended_at is not None else ""


def test_one_that_is_switched_off_signs_everybody_out(ada: User, ben: User, acme: Company) -> None:
    desk = integration_of(acme)
    token, session = begun(desk, ben)
    assert isinstance(change(desk, ada, is_active=False), Integration)
    assert get(token).status_code == 401
    assert ended_for(session) == "integration_off"
    assert isinstance(change(desk, ada, is_active=True), Integration)
    assert get(token).status_code == 401  # what ended does not come back


def test_a_lower_ceiling_ends_whoever_is_above_it_and_nobody_else(
    ada: User, ben: User, acme: Company
) -> None:
    desk = integration_of(acme)
    above, of_ada = begun(desk, ada)
    below, of_ben = begun(desk, ben)
    assert isinstance(change(desk, ada, ceiling=built_in("Agent")), Integration)
    assert (get(above).status_code, get(below).status_code) == (401, 200)
    assert (ended_for(of_ada), ended_for(of_ben)) == ("above_ceiling", "")


def test_one_that_is_deleted_signs_everybody_out_and_leaves_the_people(
    ada: User, ben: User, acme: Company
) -> None:
    desk = integration_of(acme)
    token, _session = begun(desk, ben)
    assert delete_integration(desk, by=acting(ada), now=timezone.now()) is None
    assert get(token).status_code == 401
    assert User.objects.filter(pk=ben.pk).exists()
    assert Event.SESSION_ENDED in events()
    assert AuditEvent.objects.get(event=Event.INTEGRATION_DELETED).subject_uid == str(desk.uid)


def test_another_address_of_keys_is_trusted_for_nothing_that_the_old_one_said(
    ada: User, ben: User, acme: Company
) -> None:
    desk = integration_of(acme, jwks_url="https://old.example/keys")
    add_key(desk, EC, source=KeySource.READ)
    token, session = begun(desk, ben, key=EC)
    kept, _other = begun(desk, ben)
    assert isinstance(change(desk, ada, jwks_url="https://new.example/keys"), Integration)
    assert [key.source for key in desk.keys.all()] == [KeySource.PASTED]
    assert ended_for(session) == "key_removed"
    assert (get(token).status_code, get(kept).status_code) == (401, 200)


def test_a_role_that_is_a_ceiling_is_in_use(root: User, acme: Company) -> None:
    role = Role.objects.create(name="Desk people", company=acme, rank=5)
    integration_of(acme, ceiling="Agent", keys=())
    Integration.objects.update(ceiling=role)
    assert code(delete_role(role, by=acting(root), now=timezone.now())) == "in_use"
    assert Role.objects.filter(pk=role.pk).exists()
    assert events(Event.ROLE_DELETED) == []
    Integration.objects.all().delete()
    assert delete_role(role, by=acting(root), now=timezone.now()) is None
