"""The pages of co-browse applications: options by section, the token that is shown once, and what is said where something is amiss."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from cobrowse.models import Application, Validity
from cobrowse.tokens import desk_of, fingerprint
from core.sealed import unseal
from tenants.actor import system_actor
from tenants.models import Company, Permission, Privilege, Role
from tenants.settings import change_settings
from tests.cast import MEMBER, Browse, person
from tests.cobrowse.story import OTHER, SHOP, TOKEN, application

pytestmark = pytest.mark.django_db
LIST = "/admin/cobrowse/application/"


@pytest.fixture
def ada_s(browser: Browse, ada: User) -> Client:
    return browser(ada)


@pytest.fixture
def cluster(acme: Company) -> Application:
    return application(acme, "cluster", origins=SHOP)


@pytest.fixture
def workspace(acme: Company) -> Application:
    return application(acme, "workspace")


@pytest.fixture
def vera(acme: Company) -> User:
    """Sees the applications of Acme and changes nothing."""
    found = person("vera@acme.example", company=acme, role=MEMBER)
    role = Role.objects.create(name="Watcher", company=acme, rank=60)
    role.privileges.set(Privilege.objects.filter(name__in=["Applications - View", "Administration - Open"]))
    Permission.objects.create(role=role, kind="application", reach="own")
    found.roles.set([role])
    return found


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def save(client: Client, found: Application, **given: str) -> str:
    """Press Save with what the form holds and this in its place; where there is an error, the page."""
    form = client.get(f"{LIST}{found.pk}/change/").context["adminform"].form
    held = {name: form[name].value() or "" for name in form.fields}
    answer = client.post(f"{LIST}{found.pk}/change/", held | given)
    assert answer.status_code in {200, 302}
    return answer.content.decode() if answer.status_code == 200 else ""


def token_of(found: Application) -> str:
    return unseal(found.options.get(name="password"), "secret").decode()


def test_ada_makes_one_without_choosing_her_company(ada_s: Client, acme: Company) -> None:
    answer = ada_s.post(f"{LIST}add/", {"name": "Desk", "type": "cluster"})
    assert answer.status_code == 302, answer.content.decode()
    made = Application.objects.get()
    assert (made.company, made.type, made.name) == (acme, "cluster", "Desk")
    again = ada_s.post(f"{LIST}add/", {"name": "Second", "type": "cluster"})
    assert "an application of this type already" in again.content.decode()


def test_the_form_has_a_field_for_every_option_under_its_section(
    ada_s: Client, cluster: Application, workspace: Application
) -> None:
    shown = page(ada_s, f"{LIST}{cluster.pk}/change/")
    for path in ("slave/password", "cluster/url", "cluster/serverUrl", "cross-origin/allowedOrigins"):
        assert re.search(rf"<h2[^>]*>\s*{path.partition('/')[0]}\s*</h2>", shown), path
        assert path in shown
    assert 'name="company"' not in shown  # it stays
    other = page(ada_s, f"{LIST}{workspace.pk}/change/")
    assert "cobrowse/password" in other
    assert "slave/password" not in other


def test_options_are_set_changed_and_taken_away_by_one_press(ada_s: Client, cluster: Application) -> None:
    sites = "https://shop.acme.example\r\n https://Two.example \r\n"
    url = "https://co.example/cobrowse"
    given = {"name": "Desk", "cluster__url": url, "cross_origin__allowedOrigins": sites}
    assert save(ada_s, cluster, slave__password=TOKEN, **given) == ""
    cluster.refresh_from_db()
    assert (cluster.name, token_of(cluster)) == ("Desk", TOKEN)
    assert cluster.options.get(name="url").value == url
    assert cluster.options.get(name="allowedOrigins").value == f"{SHOP}\nhttps://two.example"
    before = AuditEvent.objects.count()
    assert save(ada_s, cluster) == ""  # nothing was changed, and the empty secret keeps the one that is kept
    assert save(ada_s, cluster, slave__password="   ") == ""
    assert AuditEvent.objects.count() == before
    assert token_of(cluster) == TOKEN
    assert save(ada_s, cluster, cluster__url="") == ""
    assert not cluster.options.get(name="url").is_set


def test_a_refusal_stands_at_its_field_and_nothing_was_written(
    ada_s: Client, cluster: Application, globex: Company
) -> None:
    application(globex, "cluster", origins="https://globex.example")
    for given, said in (
        ({"name": "X", "slave__password": "short"}, "exactly 26 letters and digits"),
        ({"name": "X", "slave__password": TOKEN, "cluster__url": "nonsense"}, "Write a whole address"),
        ({"name": "X", "slave__password": TOKEN, "cross_origin__allowedOrigins": "https://globex.example"}, "is a site of another company"),
        ({"name": "", "slave__password": TOKEN}, "required"),
    ):  # fmt: skip
        shown = save(ada_s, cluster, **given)
        assert said in shown, given
        assert TOKEN not in shown
    cluster.refresh_from_db()
    assert cluster.name != "X"
    assert not desk_of(cluster.company_id).is_on


def test_the_token_is_shown_once_and_masked_from_then_on(
    ada_s: Client, ada: User, cluster: Application, workspace: Application
) -> None:
    form = page(ada_s, f"{LIST}{workspace.pk}/generate_token/")
    assert re.search(r'name="both"[^>]*checked', form)
    answer = ada_s.post(f"{LIST}{workspace.pk}/generate_token/", {"both": "on"})
    shown = answer.content.decode()
    assert answer.status_code == 200
    token = token_of(cluster)
    assert shown.count(token) == 1
    assert token_of(workspace) == token
    assert "The tokens are the same." in shown
    assert "no-store" in answer["Cache-Control"]
    for found in (cluster, workspace):
        later = page(ada_s, f"{LIST}{found.pk}/change/")
        assert token not in later
        assert "••••••" in later
        assert str(ada) in later
        assert "Agents’ desktops authenticate" in later or "desktops authenticate" in later


def test_a_page_that_showed_a_token_makes_no_other_when_it_is_loaded_anew(
    ada_s: Client, cluster: Application, workspace: Application
) -> None:
    form = page(ada_s, f"{LIST}{cluster.pk}/generate_token/")
    found = re.search(r'name="seen" value="([^"]+)"', form)
    assert found is not None
    given = {"both": "on", "seen": found[1]}
    assert ada_s.post(f"{LIST}{cluster.pk}/generate_token/", given).status_code == 200
    token = token_of(cluster)
    again = ada_s.post(f"{LIST}{cluster.pk}/generate_token/", given).content.decode()
    assert "Another token was made after this page was opened" in again
    assert token_of(cluster) == token
    assert token not in again


def test_without_the_tick_the_other_one_keeps_its_own(
    ada_s: Client, acme: Company, cluster: Application
) -> None:
    workspace = application(acme, "workspace", token=OTHER)
    shown = ada_s.post(f"{LIST}{cluster.pk}/generate_token/", {}).content.decode()
    assert token_of(workspace) == OTHER
    assert "The tokens differ." in shown
    for found in (cluster, workspace):
        assert "hold different tokens" in page(ada_s, f"{LIST}{found.pk}/change/")
    assert page(ada_s, LIST).count("They differ") == 2


def test_the_token_is_taken_away_by_a_verb_and_the_page_says_what_that_means(
    ada_s: Client, acme: Company, cluster: Application
) -> None:
    assert "forget_token" not in page(ada_s, f"{LIST}{cluster.pk}/change/")
    application(acme, "cluster", token=TOKEN)
    assert "forget_token" in page(ada_s, f"{LIST}{cluster.pk}/change/")
    assert "turns agent authentication off" in page(ada_s, f"{LIST}{cluster.pk}/forget_token/")
    assert ada_s.post(f"{LIST}{cluster.pk}/forget_token/").status_code == 302
    assert not desk_of(acme.pk).is_on


def test_where_authentication_is_off_the_page_says_so_and_which_of_the_two_holds(
    ada_s: Client, acme: Company, cluster: Application, workspace: Application
) -> None:
    for found in (cluster, workspace):
        assert "Agent authentication is off" in page(ada_s, f"{LIST}{found.pk}/change/")
    refuse = {"Cobrowse.RefuseWhenTokenUnset": True}
    change_settings(refuse, company=acme, reason="safe", by=system_actor(), now=timezone.now())
    shown = page(ada_s, f"{LIST}{cluster.pk}/change/")
    assert "every agent of this company is refused" in shown
    assert "Agent authentication is off" not in shown
    application(acme, "cluster", token=TOKEN)
    shown = page(ada_s, f"{LIST}{cluster.pk}/change/")
    assert "Agent authentication is off" not in shown
    assert "none in a Workspace application" in shown


def test_a_workspace_alone_says_that_there_is_no_cluster(ada_s: Client, workspace: Application) -> None:
    assert "has no Co-browse Cluster application" in page(ada_s, f"{LIST}{workspace.pk}/change/")


def test_the_cluster_shows_what_goes_into_the_pages(
    ada_s: Client, acme: Company, cluster: Application
) -> None:
    shown = page(ada_s, f"{LIST}{cluster.pk}/change/")
    snippet = (
        "&lt;script src=&quot;http://127.0.0.1:8000/cobrowse/js/gatehouse.js&quot; "
        f"data-key=&quot;{cluster.site_key}&quot; defer&gt;&lt;/script&gt;"
    )
    assert snippet in shown
    assert "connect-src http://127.0.0.1:8000 ws://127.0.0.1:8000" in shown
    application(acme, "cluster", url="https://co.acme.example:8443/cobrowse")
    shown = page(ada_s, f"{LIST}{cluster.pk}/change/")
    assert "https://co.acme.example:8443/cobrowse/js/gatehouse.js" in shown
    assert "script-src https://co.acme.example:8443" in shown
    assert "connect-src https://co.acme.example:8443 wss://co.acme.example:8443" in shown
    assert SHOP in shown


def test_what_decides_who_works_with_sessions_wants_a_recent_proof(
    ada_s: Client, ada: User, cluster: Application
) -> None:
    Session.objects.filter(user=ada).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for path, given in (
        ("change", {"name": "Mine", "slave__password": TOKEN}),
        ("generate_token", {"both": "on"}),
        ("forget_token", {}),
        ("delete", {}),
    ):
        answer = ada_s.post(f"{LIST}{cluster.pk}/{path}/", given)
        assert answer.status_code == 403 or answer["Location"].startswith("/login/confirm/"), path
    assert Application.objects.get().name != "Mine"
    assert not desk_of(cluster.company_id).is_on
    answer = ada_s.get(f"{LIST}{cluster.pk}/generate_token/")
    assert answer["Location"].startswith("/login/confirm/")
    assert ada_s.get(f"{LIST}{cluster.pk}/change/").status_code == 200  # reading asks for nothing


def test_who_may_only_look_reads_the_options_and_finds_no_way_to_change_them(
    browser: Browse, vera: User, acme: Company, cluster: Application
) -> None:
    application(acme, "cluster", token=TOKEN)
    client = browser(vera)
    shown = page(client, f"{LIST}{cluster.pk}/change/")
    assert "slave/password" in shown
    assert "••••••" in shown
    assert SHOP in shown
    assert '<input type="password"' not in shown
    assert "generate_token" not in shown
    for path in ("change", "generate_token", "forget_token", "delete"):
        assert client.post(f"{LIST}{cluster.pk}/{path}/", {"name": "Mine"}).status_code == 403, path
    assert desk_of(acme.pk).cluster == fingerprint(TOKEN)


def test_another_companys_does_not_exist(ada_s: Client, globex: Company) -> None:
    theirs = application(globex, "cluster", token=TOKEN)
    for path in ("change", "generate_token", "forget_token", "delete"):
        assert ada_s.get(f"{LIST}{theirs.pk}/{path}/").status_code == 404
        assert ada_s.post(f"{LIST}{theirs.pk}/{path}/", {"both": "on"}).status_code == 404
    assert theirs.name not in page(ada_s, LIST)
    assert desk_of(globex.pk).cluster == fingerprint(TOKEN)


def test_the_list_is_asked_by_how_the_tokens_stand(
    browser: Browse, root: User, acme: Company, globex: Company, cluster: Application, workspace: Application
) -> None:
    application(globex, "cluster", token=TOKEN)

    def names(query: str) -> set[str]:
        found = browser(root).get(f"{LIST}?{query}").context["cl"].result_list
        return {one.name for one in found}

    assert names("tokens=off") == {"cluster of Acme"}
    assert names("tokens=amiss") == {"cluster of Globex"}
    assert names("tokens=valid") == set()
    assert names("type__exact=workspace") == {"workspace of Acme"}
    assert Application.objects.get(company=globex).validity == Validity.WORKSPACE_MISSING


def test_deleting_says_what_goes_with_it(ada_s: Client, cluster: Application) -> None:
    assert "agent authentication is off then" in page(ada_s, f"{LIST}{cluster.pk}/delete/")
    assert ada_s.post(f"{LIST}{cluster.pk}/delete/", {}).status_code == 302
    assert not Application.objects.exists()
