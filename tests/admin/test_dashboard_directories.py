"""Each warning about directories and their people is shown while it is true, to who may know, and is gone afterwards."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from configserver.models import Directory, DirectoryServer, SolutionPackage
from tenants.models import Company
from tests import directory
from tests.cast import Browse
from tests.journeys.stage import configure

pytestmark = pytest.mark.django_db
Told = Callable[[], str]
OFF, ON = (
    {"Login__ExternalAuthenticationMode": "None"},
    {"Login__ExternalAuthenticationMode": "ConfigServer"},
)
TURNED_AWAY, KEPT_OUT, NO_PACKAGE, NO_COMPANY = (
    "are turned away, for no company is linked",
    "the settings keep them out",
    "No role package has been imported",
    "is none that is there and active",
)


@pytest.fixture
def told(browser: Browse, root: User) -> Told:
    """What the dashboard warns the administrator of everything of."""

    def sentences() -> str:
        return " | ".join(str(one.sentence) for one in browser(root).get("/admin/").context["warnings"])

    return sentences


def _seen(one: Directory, **more: object) -> None:
    now = timezone.now()
    for server in one.server_names:
        DirectoryServer.objects.update_or_create(
            directory=one, server=server, defaults={"checked_at": now, "since": now, "ok": True} | more
        )


def test_a_directory_that_does_not_answer_is_warned_of_until_it_does(told: Told, root: User) -> None:
    made = directory.directory(servers="a:1\nb:1")
    assert "Head office" not in told()
    _seen(made, ok=False, failed_step="connect", reason="Nobody is at home.", since=timezone.now())
    assert "has not answered since" in told()
    assert "Connection: Nobody is at home." in told()
    DirectoryServer.objects.filter(server="a:1").update(ok=True)
    assert "only 1 of 2 servers answer" in told()
    _seen(made, ok=True)
    assert "Head office" not in told()
    _seen(made, ok=False)
    Directory.objects.update(is_active=False)
    assert "Head office" not in told()


def test_a_certificate_is_warned_of_in_time_and_when_it_has_expired(told: Told) -> None:
    made, now = directory.directory(), timezone.now()
    _seen(made, certificate_expires_at=now + timedelta(days=22))
    assert "certificate" not in told()
    _seen(made, certificate_expires_at=now + timedelta(days=20, hours=1))
    assert "expires in 20 days" in told()
    _seen(made, certificate_expires_at=now + timedelta(days=1, hours=1))
    assert "expires in 1 day." in told()
    _seen(made, certificate_expires_at=now - timedelta(hours=1))
    assert "has expired" in told()


def test_a_default_company_that_is_none_is_warned_of_as_long_as_it_stands(told: Told, acme: Company) -> None:
    assert NO_COMPANY not in told()
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(acme.uid))
    assert NO_COMPANY not in told()
    Company.objects.update(is_active=False)
    assert NO_COMPANY in told()
    Company.objects.all().delete()
    assert NO_COMPANY in told()
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID="")
    assert NO_COMPANY not in told()


def test_persons_who_are_kept_out_or_turned_away_are_warned_of(
    told: Told, acme: Company, globex: Company
) -> None:
    nowhere = directory.tenant(directory.NOWHERE_DBID, name="Nowhere")
    assert KEPT_OUT not in told()
    directory.person("egon", tenant=nowhere)
    assert KEPT_OUT in told()
    configure(**ON)
    assert KEPT_OUT not in told()
    assert TURNED_AWAY in told()
    assert "Nowhere (999)" in told()
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    assert TURNED_AWAY not in told()
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID="")
    Company.objects.filter(pk=acme.pk).update(tenant_dbid=directory.NOWHERE_DBID)
    assert TURNED_AWAY not in told()
    configure(**OFF)
    assert KEPT_OUT in told()


def test_persons_without_a_role_package_are_warned_of(told: Told, acme: Company) -> None:
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    directory.person("dora", tenant=tenant)
    assert NO_PACKAGE not in told()  # nobody gets in yet
    configure(**ON)
    assert NO_PACKAGE in told()
    package = SolutionPackage.objects.create(
        name="Roles", version="1", deploymentkey="r", before="{}", applied_at=timezone.now()
    )
    assert NO_PACKAGE not in told()
    package.rolled_back_at = timezone.now()
    package.save()
    assert NO_PACKAGE in told()
    directory.role("By hand")
    assert NO_PACKAGE not in told()


def test_nobody_of_a_single_company_is_told_of_directories(browser: Browse, root: User, ada: User) -> None:
    made = directory.directory()
    _seen(made, ok=False)
    directory.person("egon", tenant=directory.tenant(directory.NOWHERE_DBID))
    context = browser(ada).get("/admin/").context
    assert [one for one in context["cards"] if one.label == "Directories"] == []
    told = " ".join(str(one.sentence) for one in context["warnings"])
    assert "Head office" not in told
    assert KEPT_OUT not in told
    assert "Head office" in " ".join(
        str(one.sentence) for one in browser(root).get("/admin/").context["warnings"]
    )


def test_the_card_counts_directories_and_says_how_they_are(browser: Browse, root: User) -> None:
    page = browser(root)

    def card() -> tuple[int, str, str]:
        found = next(one for one in page.get("/admin/").context["cards"] if one.label == "Directories")
        assert page.get(found.url).context["cl"].result_count == found.value
        return found.value, str(found.hint), found.tone

    assert card() == (0, "none is asked", "")
    one, two = directory.directory("One", servers="a:1\nb:1"), directory.directory("Two")
    assert card() == (2, "not looked at lately", "")
    _seen(one)
    _seen(two)
    assert card() == (2, "all servers answer", "")
    DirectoryServer.objects.filter(server="a:1").update(ok=False)
    assert card() == (2, "1 does not answer well", "warning")
    _seen(two, ok=False)
    assert card() == (2, "2 do not answer well", "danger")


def test_each_warning_leads_to_where_something_can_be_done(browser: Browse, root: User) -> None:
    _seen(directory.directory(), ok=False)
    directory.person("egon", tenant=directory.tenant(directory.NOWHERE_DBID))
    page = browser(root)
    found = [one for one in page.get("/admin/").context["warnings"] if "configserver" in one.url]
    assert len(found) == 2
    for one in found:
        assert page.get(one.url).status_code == 200
