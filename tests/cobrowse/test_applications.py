"""Applications and their options: who may, what fits, where the token stands, and what comes of comparing the two."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse import applications as verbs
from cobrowse.applications import ApplicationDraft, NewToken
from cobrowse.catalogue import KINDS, TOKEN_OF, is_token
from cobrowse.models import AllowedOrigin, Application, Option, Validity
from cobrowse.tokens import UNREADABLE, _load, desk_of, fingerprint, own_address, site_of
from cobrowse.validity import compare_all
from core import reseal as work
from core.errors import PortalError
from core.outcomes import Denied
from core.sealed import unseal
from tenants.models import Company
from tests.accounts.story import code
from tests.cast import acting
from tests.cobrowse.story import OTHER, SHOP, TOKEN, application
from tests.parallel import in_parallel

pytestmark = pytest.mark.django_db
COLUMN = Option._meta.get_field("secret")


@pytest.fixture
def workspace(acme: Company) -> Application:
    """Acme's Workspace application, without a token."""
    return application(acme, "workspace")


def new(company: Company | None, kind: str = "cluster", name: str = "Desk") -> ApplicationDraft:
    return ApplicationDraft(name=name, company=company, type=kind)


def made(draft: ApplicationDraft, by: User) -> Application | Denied:
    return verbs.create_application(draft, by=acting(by), now=timezone.now())


def put(found: Application, by: User, **values: str) -> Application | Denied:
    """Options by their paths, with `__` in the place of the slash."""
    paths = {name.replace("__", "/").replace("_", "-"): value for name, value in values.items()}
    return verbs.set_options(found, paths, by=acting(by), now=timezone.now())


def kept(found: Application) -> dict[str, str]:
    """What is set, a token opened."""
    return {
        f"{one.section}/{one.name}": unseal(one, "secret").decode() if one.secret.text else one.value
        for one in found.options.all()
        if one.is_set
    }


def validity(company: Company) -> set[str]:
    return set(Application.objects.filter(company=company).values_list("validity", flat=True))


def told(event: Event) -> list[dict[str, Any]]:
    return list(AuditEvent.objects.filter(event=event).order_by("id").values_list("details", flat=True))


# --- who may, and where ----------------------------------------------------------------------------------------------------


def test_ada_makes_one_of_each_type_in_her_company_and_no_second_one(ada: User, acme: Company) -> None:
    desk = made(new(acme), ada)
    assert isinstance(desk, Application)
    assert (desk.name, desk.company, desk.validity) == ("Desk", acme, Validity.OFF)
    assert len(desk.site_key) == verbs.SITE_KEY_LENGTH
    second = made(new(acme, name="Second"), ada)
    assert (code(second), second.field) == ("name_taken", "type")  # type: ignore[union-attr]
    assert isinstance(made(new(acme, "workspace"), ada), Application)
    assert {one["type"] for one in told(Event.APPLICATION_CREATED)} == {"cluster", "workspace"}


def test_ada_makes_none_in_another_company_and_ben_none_at_all(
    ada: User, moe: User, acme: Company, globex: Company
) -> None:
    assert code(made(new(globex), ada)) == "forbidden"
    assert code(made(new(acme), moe)) == "forbidden"
    assert not Application.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"), [({"type": "desk"}, "type"), ({"type": ""}, "type"), ({"name": " "}, "name"), ({"company": None}, "company")]
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_its_field(
    root: User, acme: Company, given: dict[str, Any], field: str
) -> None:
    draft = ApplicationDraft(**({"name": "Desk", "company": acme, "type": "cluster"} | given))
    refused = made(draft, root)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("invalid", field)


def test_of_another_company_there_is_nothing(cleo: User, cluster: Application) -> None:
    by, now = acting(cleo), timezone.now()
    assert code(put(cluster, cleo, slave__password=TOKEN)) == "not_found"
    assert code(verbs.generate_token(cluster, both=True, by=by, now=now)) == "not_found"
    assert (
        code(verbs.change_application(cluster, ApplicationDraft(name="Mine"), by=by, now=now)) == "not_found"
    )
    assert code(verbs.delete_application(cluster, by=by, now=now)) == "not_found"
    assert kept(cluster) == {"cross-origin/allowedOrigins": SHOP}


def test_it_stays_what_it_is_and_with_its_company(root: User, globex: Company, cluster: Application) -> None:
    for draft in (ApplicationDraft(company=globex), ApplicationDraft(type="workspace")):
        assert code(verbs.change_application(cluster, draft, by=acting(root), now=timezone.now())) == "fixed"


def test_name_and_options_change_together_or_not_at_all(
    ada: User, globex: Company, cluster: Application
) -> None:
    application(globex, "cluster", origins="https://globex.example")
    draft = ApplicationDraft(name="Renamed")
    for options, field in (
        ({"slave/password": TOKEN, "cluster/url": "nonsense"}, "cluster__url"),
        ({"slave/password": TOKEN, "cross-origin/allowedOrigins": "https://globex.example"}, "cross_origin__allowedOrigins"),
    ):  # fmt: skip
        refused = verbs.change_application(cluster, draft, options, by=acting(ada), now=timezone.now())
        assert isinstance(refused, Denied)
        assert refused.field == field
        cluster.refresh_from_db()
        assert cluster.name != "Renamed"
        assert kept(cluster) == {"cross-origin/allowedOrigins": SHOP}
    good = {"slave/password": TOKEN, "cluster/url": "https://co.example/cobrowse/"}
    changed = verbs.change_application(cluster, draft, good, by=acting(ada), now=timezone.now())
    assert isinstance(changed, Application)
    assert changed.name == "Renamed"
    assert kept(changed) == {
        "cross-origin/allowedOrigins": SHOP,
        "slave/password": TOKEN,
        "cluster/url": "https://co.example/cobrowse",
    }


# --- what may stand in an option ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [TOKEN[:-1], TOKEN + "A", TOKEN.replace("A", "-", 1), TOKEN.replace("A", "Ä", 1), "\x00" + TOKEN[1:], TOKEN[:13] + " " + TOKEN[14:],
     TOKEN[:25] + "\u0661"],
)  # fmt: skip
def test_a_malformed_token_is_refused_at_entry(ada: User, cluster: Application, token: str) -> None:
    refused = put(cluster, ada, slave__password=token)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("invalid", "slave__password")
    assert not desk_of(cluster.company_id).is_on


def test_any_26_letters_and_digits_are_a_token(ada: User, cluster: Application) -> None:
    for token in (TOKEN, TOKEN.lower(), "0" * 26):
        put(cluster, ada, slave__password=f" {token} ")
        assert desk_of(cluster.company_id).cluster == fingerprint(token)


@pytest.mark.parametrize(
    "url",
    ["co.example", "http://co.example/cobrowse", "https://co.example/?a=1", "https://co.example/#a", "https://a:b@co.example",
     "javascript:x",
     "https://co.example/ x", "https://co.example/" + "x" * 500, "https:///cobrowse", '"https://co.example'],
)  # fmt: skip
def test_an_address_is_a_whole_one_and_safe(ada: User, cluster: Application, url: str) -> None:
    refused = put(cluster, ada, cluster__url=url)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("invalid", "cluster__url")


def test_on_this_machine_plain_http_will_do(ada: User, cluster: Application) -> None:
    assert isinstance(put(cluster, ada, cluster__url="http://127.0.0.1:8000/cobrowse"), Application)


def test_an_option_of_another_type_is_none(ada: User, cluster: Application, workspace: Application) -> None:
    by, now = acting(ada), timezone.now()
    for found, path in (
        (cluster, "cobrowse/password"), (cluster, "slave/nothing"), (cluster, "password"), (cluster, ""), (workspace, "slave/password"),
        (workspace, "cluster/url"),
    ):  # fmt: skip
        assert code(verbs.set_options(found, {path: TOKEN}, by=by, now=now)) == "not_found"


def test_a_site_belongs_to_one_company(ada: User, cluster: Application, globex: Company) -> None:
    theirs = application(globex, "cluster", origins="https://globex.example")
    refused = put(cluster, ada, cross_origin__allowedOrigins=f"{SHOP}\nHTTPS://Globex.example:443/\n")
    assert code(refused) == "invalid"  # a path
    refused = put(cluster, ada, cross_origin__allowedOrigins=f"{SHOP}\nHTTPS://Globex.example:443")
    assert isinstance(refused, Denied)
    assert refused.code == "origin_taken"
    assert "https://globex.example" in str(refused.message)
    assert "Globex" not in str(refused.message)
    assert site_of("https://globex.example").company_id == globex.pk  # type: ignore[union-attr]
    # Once it is free, it can be another's.
    verbs.delete_application(theirs, by=acting(ada), now=timezone.now())
    assert AllowedOrigin.objects.filter(application=theirs).exists()  # it was not Ada's to delete
    application(globex, "cluster", origins="")
    assert isinstance(put(cluster, ada, cross_origin__allowedOrigins="https://globex.example"), Application)
    assert site_of("https://globex.example").company_id == cluster.company_id  # type: ignore[union-attr]
    assert site_of(SHOP) is None


def test_taking_an_option_away_leaves_who_did_it(ada: User, cluster: Application) -> None:
    put(cluster, ada, cross_origin__allowedOrigins="")
    assert kept(cluster) == {}
    row = cluster.options.get(name="allowedOrigins")
    assert (row.is_set, row.changed_by_name) == (False, str(ada))
    assert desk_of(cluster.company_id).url == own_address()
    before = AuditEvent.objects.count()
    put(cluster, ada, cross_origin__allowedOrigins="")  # what is not there cannot be taken away
    put(cluster, ada, cluster__url="")
    assert AuditEvent.objects.count() == before


# --- the token ---------------------------------------------------------------------------------------------------------------


def everything_kept() -> str:
    """Every column of every table, as text."""
    text = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            text.append(repr(cursor.fetchall()))
    return "\n".join(text)


def test_the_token_is_in_no_table_no_event_and_no_line_of_the_log(
    ada: User, cluster: Application, workspace: Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    drawn = verbs.generate_token(cluster, both=True, by=acting(ada), now=timezone.now())
    assert isinstance(drawn, NewToken)
    put(cluster, ada, slave__password=TOKEN)
    Option.objects.filter(application=workspace).update(value="")
    compare_all(now=timezone.now())
    for token in (TOKEN, drawn.token):
        assert token not in everything_kept()
        assert token not in caplog.text
        assert token not in json.dumps(told(Event.OPTION_CHANGED))
    assert told(Event.OPTION_CHANGED)[-1] == {"option": "slave/password", "is_set": True}
    assert desk_of(cluster.company_id).cluster == fingerprint(TOKEN)
    assert TOKEN not in repr(desk_of(cluster.company_id))
    assert TOKEN not in repr(cluster.options.get(name="password").secret)


def test_a_generated_token_is_in_both_applications_or_in_one(
    ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    first = verbs.generate_token(workspace, both=True, by=acting(ada), now=timezone.now())
    assert isinstance(first, NewToken)
    assert is_token(first.token)
    assert set(first.applications) == {cluster, workspace}
    assert kept(cluster)["slave/password"] == kept(workspace)["cobrowse/password"] == first.token
    assert validity(acme) == {Validity.VALID}
    second = verbs.generate_token(cluster, both=False, by=acting(ada), now=timezone.now())
    assert isinstance(second, NewToken)
    assert second.applications == (cluster,)
    assert second.token != first.token
    assert validity(acme) == {Validity.MISMATCH}


def test_the_token_of_another_company_stays(ada: User, cluster: Application, globex: Company) -> None:
    theirs = application(globex, "cluster", token=OTHER)
    verbs.generate_token(cluster, both=True, by=acting(ada), now=timezone.now())
    assert kept(theirs) == {"slave/password": OTHER}


def test_a_sealed_token_opens_in_no_other_row(
    ada: User, cluster: Application, workspace: Application
) -> None:
    put(cluster, ada, slave__password=TOKEN)
    put(workspace, ada, cobrowse__password=OTHER)
    mine, other = cluster.options.get(name="password"), workspace.options.get(name="password")
    Option.objects.filter(pk=other.pk).update(secret=mine.secret)
    with pytest.raises(PortalError):
        unseal(Option.objects.get(pk=other.pk), "secret")
    assert COLUMN.cipher == "fernet"  # type: ignore[union-attr]
    # The text is what Fernet makes: version 0x80, so it begins with gAAAAA, behind the name of its key.
    assert mine.secret.text.split(".")[1].startswith("gAAAAA")


def test_tokens_are_sealed_anew_under_the_next_key(
    settings: Settings, ada: User, cluster: Application
) -> None:
    old = settings.FIELD_KEYS
    put(cluster, ada, slave__password=TOKEN)
    settings.FIELD_KEYS = "k2:" + "B" * 43 + "," + old
    (progress,) = work.reseal(COLUMN)  # type: ignore[arg-type]
    assert (progress.resealed, progress.stuck) == (1, 0)
    settings.FIELD_KEYS = "k2:" + "B" * 43
    assert kept(cluster)["slave/password"] == TOKEN


# --- comparing ---------------------------------------------------------------------------------------------------------------


def test_what_comes_of_comparing_follows_every_change_of_either_side(
    ada: User, acme: Company, cluster: Application, workspace: Application, caplog: pytest.LogCaptureFixture
) -> None:
    story: list[tuple[Application, dict[str, str], str]] = [
        (workspace, {"cobrowse__password": TOKEN}, Validity.CLUSTER_MISSING),
        (cluster, {"slave__password": OTHER}, Validity.MISMATCH),
        (cluster, {"slave__password": TOKEN}, Validity.VALID),
        (workspace, {"cobrowse__password": ""}, Validity.WORKSPACE_MISSING),
        (cluster, {"slave__password": ""}, Validity.OFF),
    ]
    assert validity(acme) == {Validity.OFF}
    for found, change, wanted in story:
        caplog.clear()
        assert isinstance(put(found, ada, **change), Application)
        assert validity(acme) == {wanted}
        warned = [one for one in caplog.records if "cobrowse.token.compared" in one.getMessage()]
        assert bool(warned) == (wanted not in {Validity.VALID, Validity.OFF})
        assert all(one.levelno == logging.WARNING for one in warned)
    # Written down where it changed; it was off from the start.
    outcomes = [one["outcome"] for one in told(Event.TOKENS_COMPARED)]
    assert outcomes == [wanted for _found, _change, wanted in story]


def test_a_token_that_does_not_open_lets_nobody_in_and_is_told(
    settings: Settings, ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    verbs.generate_token(cluster, both=True, by=acting(ada), now=timezone.now())
    settings.FIELD_KEYS = "k9:" + "C" * 43
    assert compare_all(now=timezone.now()) == 1
    assert validity(acme) == {Validity.UNREADABLE}
    assert _load(acme.pk).cluster == UNREADABLE
    assert _load(acme.pk).is_on


def test_deleting_one_side_compares_what_is_left(
    ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    verbs.generate_token(cluster, both=True, by=acting(ada), now=timezone.now())
    assert verbs.delete_application(cluster, by=acting(ada), now=timezone.now()) is None
    assert validity(acme) == {Validity.CLUSTER_MISSING}
    assert not desk_of(acme.pk).is_on
    assert site_of(SHOP) is None
    assert not AllowedOrigin.objects.exists()


def test_all_companies_are_compared_by_the_clock(
    ada: User, acme: Company, globex: Company, cluster: Application, workspace: Application
) -> None:
    application(globex, "cluster", token=TOKEN)
    later = timezone.now() + timedelta(hours=1)
    assert compare_all(now=later) == 1  # Globex has no Workspace application
    assert set(Application.objects.values_list("checked_at", flat=True)) == {later}
    before = AuditEvent.objects.count()
    compare_all(now=later + timedelta(hours=1))
    assert AuditEvent.objects.count() == before  # nothing is told twice


def test_every_option_explains_itself_and_every_type_has_one_token() -> None:
    for kinds in KINDS.values():
        assert all(str(one.help) for one in kinds)
        assert sum(one.is_secret for one in kinds) == 1
        assert len({one.field for one in kinds}) == len(kinds)
    assert {kind: one.path for kind, one in TOKEN_OF.items()} == {
        "cluster": "slave/password",
        "workspace": "cobrowse/password",
    }


# --- at the same moment ------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_who_generate_at_once_one_is_last_in_both_applications(
    ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    drawn: dict[int, Any] = {}
    by = acting(ada)

    def generate(number: int) -> None:
        found = (cluster, workspace)[number % 2]
        drawn[number] = verbs.generate_token(found, both=True, by=by, now=timezone.now())

    in_parallel(6, generate)
    tokens = {one.token for one in drawn.values()}
    assert len(tokens) == 6
    assert kept(cluster)["slave/password"] == kept(workspace)["cobrowse/password"]
    assert kept(cluster)["slave/password"] in tokens
    assert validity(acme) == {Validity.VALID}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_sides_that_are_changed_at_once_the_result_is_of_both(
    ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    by = acting(ada)

    def change(number: int) -> None:
        if number % 2:
            verbs.set_options(cluster, {"slave/password": TOKEN}, by=by, now=timezone.now())
        else:
            verbs.set_options(workspace, {"cobrowse/password": TOKEN}, by=by, now=timezone.now())

    in_parallel(6, change)
    assert validity(acme) == {Validity.VALID}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_companies_that_list_a_site_at_once_one_has_it(
    root: User, cluster: Application, globex: Company
) -> None:
    theirs = application(globex, "cluster")
    by, outcomes = acting(root), dict[int, Any]()
    sites = [f"https://site{number}.example" for number in range(8)]

    def claim(number: int) -> None:
        found, order = (cluster, sites) if number % 2 else (theirs, sites[::-1])
        value = {"cross-origin/allowedOrigins": "\n".join(order)}
        outcomes[number] = verbs.set_options(found, value, by=by, now=timezone.now())

    in_parallel(6, claim)
    listed = AllowedOrigin.objects.filter(origin__in=sites)
    assert len(set(listed.values_list("application", flat=True))) == 1
    assert {code(one) for one in outcomes.values()} == {"", "origin_taken"}
    winner = listed.first()
    assert winner is not None
    assert set(kept(winner.application)["cross-origin/allowedOrigins"].split()) == set(sites)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_type_at_once_one_is_made(root: User, acme: Company) -> None:
    by, outcomes = acting(root), dict[int, Any]()

    def make(number: int) -> None:
        outcomes[number] = verbs.create_application(
            new(acme, name=f"Desk {number}"), by=by, now=timezone.now()
        )

    in_parallel(4, make)
    assert sorted(code(one) for one in outcomes.values()) == ["", "name_taken", "name_taken", "name_taken"]
    assert Application.objects.filter(company=acme).count() == 1
