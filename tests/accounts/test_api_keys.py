"""The verbs on API keys: who may make which, and what is kept of one."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.api_keys import MOST, KeyDraft, make_key, rename_key, revoke_key
from accounts.models import ApiKey, Session, SessionKind, User
from accounts.options import MODE
from accounts.people import UserDraft, change_user
from accounts.rising import SECOND
from accounts.sessions import note_use
from accounts.tokens.api_keys import fingerprint_of, new_secret
from accounts.tokens.verify import principal_of_token
from audit.models import AuditEvent
from configserver.services import PersonDraft, change_person
from core import epoch
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.actor import system_actor
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tenants.rights import API_KEYS_MANAGE, API_KEYS_VIEW, USERS_VIEW
from tenants.settings import change_settings
from tests import cast, directory
from tests.cast import acting
from tests.conftest import Clock
from tests.keys import attempted, made, program, session_of
from tests.parallel import in_parallel

pytestmark = pytest.mark.django_db


def keeper(company: Company, *, rank: int = 30) -> User:
    """Somebody of this company who looks after its API keys, and may see people."""
    role = Role.objects.create(name="Keeper", company=company, rank=rank)
    role.privileges.set(Privilege.objects.filter(name__in=[API_KEYS_VIEW, API_KEYS_MANAGE, USERS_VIEW]))
    Permission.objects.create(role=role, kind=Kind.ALL, reach=Reach.OWN)
    found = cast.person("kim@acme.example", company=company, role=cast.MEMBER)
    found.roles.set([role])
    return found


def test_of_a_key_only_its_fingerprint_and_first_ten_characters_are_kept(ada: User) -> None:
    key = made(ada)
    assert key.secret.startswith("gh_key_")
    assert key.hint == key.secret[:10]
    assert key.session.fingerprint == fingerprint_of(key.secret)
    assert ApiKey.objects.get().secret == ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            assert key.secret not in str(cursor.fetchall()), table


def test_a_key_is_no_second_factor(ada: User) -> None:
    assert SECOND.isdisjoint(made(ada).session.methods)


def test_making_a_key_is_written_down_and_told_to_its_person(ada: User, ben: User) -> None:
    key = made(ada, user=ben, scopes=["users:read", "sessions:read"])
    event = AuditEvent.objects.get(event="accounts:key:created")
    assert (event.actor_uid, event.subject_uid, event.company_id) == (
        str(ada.uid),
        str(key.uid),
        ben.company_id,
    )
    assert event.details == {"person": ben.username, "scopes": ["users:read", "sessions:read"], "days": 30}
    told = Delivery.objects.get()
    assert told.to == ben.email
    assert "import" in told.context["sentence"]
    assert key.secret not in str(told.context)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_key_lives_a_day_to_a_year(days: int, ada: User) -> None:
    assert attempted(ada, days=days).field == "days"


@pytest.mark.parametrize("name", ["", " ", "x" * 121])
def test_a_key_has_a_name(name: str, ada: User) -> None:
    assert attempted(ada, name=name).field == "name"


def test_there_are_no_scopes_but_those_that_there_are(ada: User) -> None:
    for scope in ("users:*", "everything", "admin:open", ""):
        assert attempted(ada, scopes=[scope]).field == "scopes"


def test_two_live_keys_of_a_person_have_two_names(ada: User, ben: User) -> None:
    key = made(ada)
    assert attempted(ada).code == "name_taken"
    assert isinstance(attempted(ben), ApiKey)
    assert revoke_key(key, by=acting(ada), now=timezone.now()) is None
    other = made(ada)
    assert isinstance(made(ada, name="other"), ApiKey)
    assert isinstance(rename_key(other, "other", by=acting(ada), now=timezone.now()), Denied)


def test_a_person_has_at_most_twenty_live_keys(ada: User) -> None:
    for number in range(MOST):
        made(ada, name=f"number {number}")
    assert attempted(ada).code == "too_many_keys"
    first = ApiKey.objects.earliest("pk")
    assert revoke_key(first, by=acting(ada), now=timezone.now()) is None
    assert isinstance(attempted(ada), ApiKey)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_thirty_keys_at_once_twenty_are_made(root: User) -> None:
    session, by, now = session_of(root), acting(root), timezone.now()

    outcomes: list[str] = []

    def make(number: int) -> None:
        draft = KeyDraft(user=root, name=f"number {number}", scopes=[], days=1)
        outcome = make_key(draft, session=session, by=by, now=now)
        outcomes.append(outcome.code if isinstance(outcome, Denied) else "made")

    in_parallel(30, make)
    assert sorted(outcomes) == ["made"] * MOST + ["too_many_keys"] * 10


def test_a_session_that_has_ended_makes_no_key(ada: User) -> None:
    session = session_of(ada)
    Session.objects.filter(pk=session.pk).update(ended_at=timezone.now())
    draft = KeyDraft(user=ada, name="x", scopes=[], days=1)
    refused = make_key(draft, session=session, by=acting(ada), now=timezone.now())
    assert isinstance(refused, Denied)
    assert not ApiKey.objects.exists()


def test_an_old_proof_makes_no_key(ada: User) -> None:
    session = session_of(ada, now=timezone.now() - timedelta(minutes=11))
    draft = KeyDraft(user=ada, name="x", scopes=[], days=1)
    refused = make_key(draft, session=session, by=acting(ada), now=timezone.now())
    assert isinstance(refused, Denied)
    assert refused.code == "confirm_first"


def test_a_key_makes_no_key_however_young_it_is(ada: User) -> None:
    key = made(ada, scopes=["api-keys:write", "users:read"])
    draft = KeyDraft(user=ada, name="second", scopes=[], days=1)
    refused = make_key(draft, session=key.session, by=acting(ada), now=timezone.now())
    assert isinstance(refused, Denied)
    assert refused.code == "confirm_first"


# --- for somebody else


def test_an_administrator_makes_keys_for_people_of_the_company(ada: User, ben: User, cleo: User) -> None:
    key = made(ada, user=ben)
    assert key.session.user == ben
    assert key.made_by_name == ada.username
    assert attempted(ada, user=cleo).code == "not_found"
    assert attempted(ben, user=ada).code == "not_found"


def test_nobody_makes_a_key_for_somebody_above_him(acme: Company, ada: User, ben: User, root: User) -> None:
    kim = keeper(acme)
    assert attempted(kim, user=ada, scopes=[]).code in {"rank_too_high", "privilege_not_held"}
    assert attempted(ada, user=root, scopes=[]).code == "not_found"
    assert isinstance(attempted(kim, user=ben, scopes=[]), ApiKey)


def test_nobody_makes_a_key_with_scopes_that_he_does_not_have(acme: Company, ben: User) -> None:
    kim = keeper(acme)
    refused = attempted(kim, user=ben, scopes=["users:write"])
    assert (refused.code, refused.field) == ("privilege_not_held", "scopes")


def test_a_key_made_by_another_is_worth_nothing_once_its_person_stands_above_him(
    acme: Company, ben: User
) -> None:
    kim = keeper(acme)
    key = made(kim, user=ben)
    own = made(ben, name="own")
    assert program(key.secret).get("me/").status_code == 200
    top = Role.objects.create(name="Top", company=acme, rank=kim.roles.get().rank + 1)
    assert not isinstance(
        change_user(ben, UserDraft(roles=[top]), by=system_actor(), now=timezone.now()), Denied
    )
    assert program(key.secret).get("me/").status_code == 401
    assert program(own.secret).get("me/").status_code == 200


def test_for_somebody_who_cannot_sign_in_no_key_is_made(ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(is_active=False)
    assert attempted(ada, user=ben).code == "cannot_sign_in"


def test_an_external_person_has_keys_too_until_something_changes_there(root: User, acme: Company) -> None:
    mode = {MODE.name: "ConfigServer"}
    switched = change_settings(mode, company=None, reason="test", by=system_actor(), now=timezone.now())
    assert not isinstance(switched, Denied)
    person = directory.person("dora", tenant=directory.tenant(101, company=acme), password="x" * 12)
    dora = directory.shadow(person, password="x" * 12)
    key = made(root, user=dora, scopes=[])
    assert program(key.secret).get("me/").json()["user"]["id"] == str(dora.uid)
    switched_off = change_person(person, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
    assert not isinstance(switched_off, Denied)
    assert program(key.secret).get("me/").status_code == 401


def test_whoever_has_the_privilege_renames_and_revokes_and_its_person_may(
    ada: User, ben: User, cleo: User
) -> None:
    key, now = made(ada, user=ben), timezone.now()
    for stranger in (cleo,):
        assert isinstance(rename_key(key, "mine", by=acting(stranger), now=now), Denied)
        assert isinstance(revoke_key(key, by=acting(stranger), now=now), Denied)
    assert isinstance(rename_key(key, "nightly", by=acting(ben), now=now), ApiKey)
    assert ApiKey.objects.get().name == "nightly"
    Delivery.objects.all().delete()
    assert revoke_key(key, by=acting(ada), now=now) is None
    key.session.refresh_from_db()
    assert key.session.ended_reason == "revoked"
    assert Delivery.objects.get().to == ben.email
    assert revoke_key(key, by=acting(ben), now=now).code == "not_live"  # type: ignore[union-attr]
    assert set(AuditEvent.objects.values_list("event", flat=True)) >= {
        "accounts:key:changed",
        "accounts:key:revoked",
    }


# --- use


def statements(asked: CaptureQueriesContext) -> list[str]:
    """What was asked of the database, without the version row, which a thread reads where a server runs."""
    return [one["sql"] for one in asked if 'FROM "core_epoch"' not in one["sql"]]


def test_a_key_that_is_known_costs_no_statement(ada: User) -> None:
    key = made(ada)
    caller = program(key.secret)
    assert caller.get("me/").status_code == 200  # notes the first use
    with CaptureQueriesContext(connection) as asked:
        assert caller.get("me/").status_code == 200
    assert statements(asked) == []


def test_a_wrong_key_costs_one_look_up() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert principal_of_token(new_secret(), now=timezone.now()) is None
    assert len(statements(asked)) == 1
    for misshapen in ("gh_key_", "gh_key_short", new_secret() + "x", "gh_key_" + "é" * 43):
        with CaptureQueriesContext(connection) as asked:
            assert principal_of_token(misshapen, now=timezone.now()) is None
        assert statements(asked) == [], misshapen


def test_the_last_use_is_noted_at_once_and_then_each_minute(ada: User, clock: Clock) -> None:
    key = made(ada, now=clock())
    assert ApiKey.objects.get().last_used_at is None

    def used() -> datetime | None:
        found = ApiKey.objects.select_related("session").get()
        note_use(found.session, now=clock())
        return ApiKey.objects.get().last_used_at

    first = clock.forward(seconds=5)
    assert used() == first
    clock.forward(seconds=59)
    assert used() == first
    assert used() == first
    later = clock.forward(seconds=1)
    assert used() == later
    assert key.session.kind == SessionKind.KEY


def test_a_key_outlives_the_root_key_under_which_it_was_made_once_it_is_used(
    ada: User, settings: Settings
) -> None:
    key = made(ada)
    unused = made(ada, name="unused")
    old, new = settings.FIELD_KEYS, "k2:" + "B" * 43 + "="
    settings.FIELD_KEYS = f"{new},{old}"
    assert program(key.secret).get("me/").status_code == 200
    settings.FIELD_KEYS = new
    epoch.outrun(epoch.current())
    assert program(key.secret).get("me/").status_code == 200
    assert program(unused.secret).get("me/").status_code == 401


def test_the_makers_of_older_keys_are_found_by_name_where_only_one_has_it(
    root: User, ada: User, ben: User
) -> None:
    mine, gone = made(root, user=ada), made(root, user=ben)
    ApiKey.objects.update(made_by=None)
    ApiKey.objects.filter(pk=gone.pk).update(made_by_name="somebody who left")
    import_module("accounts.migrations.0010_makers_of_keys").find_makers(apps, None)
    assert [ApiKey.objects.get(pk=one.pk).made_by for one in (mine, gone)] == [root, None]
