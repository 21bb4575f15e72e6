"""I. Injection and output: whatever people type is text on every page and in every mail."""

from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from audit.record import Origin
from core.db import unit
from delivery.services import enqueue
from tenants.actor import system_actor
from tenants.models import Company, Privilege, Role
from tenants.settings import change_settings
from tests import cast
from tests.attacks.addresses import every_path
from tests.attacks.people import BEN
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time

pytestmark = pytest.mark.django_db
MARK = "x55"
SCRIPTS = (
    f"<script>{MARK}()</script>",
    f'"><img src={MARK} onerror={MARK}()>',
    f"'-{MARK}()-'",
    f"</title></textarea><svg/onload={MARK}()>",
    f"javascript:{MARK}()",
    "{{ " + MARK + " }}{% debug %}",
)
ALL = " ".join(SCRIPTS)
HARMFUL = (
    f"<script>{MARK}",
    f"<img src={MARK}",
    "<svg/onload",
    f'href="javascript:{MARK}',
    f"href='javascript:{MARK}",
)


def harmless(text: str) -> bool:
    return not any(one in text for one in HARMFUL) and "<svg/onload" not in text


@pytest.fixture
def poisoned(acme: Company, root: User, clock: Time) -> User:
    """Everything that has a name has an evil one."""
    company = Company.objects.create(name=ALL[:120])
    role = Role.objects.create(name=ALL[:120], rank=5, company=company)
    role.privileges.add(
        Privilege.objects.create(application=SCRIPTS[0], name=ALL[:120], description=ALL[:300])
    )
    victim = cast.person("victim@acme.example", company=company, role=cast.MEMBER, name=ALL[:120])
    victim.locked_at, victim.locked_reason = clock(), ALL[:200]
    victim.save()
    victim.roles.add(role)
    User.objects.filter(pk=root.pk).update(display_name=ALL[:120])
    change_settings(
        {"TwoFactor.EmailSubject": ALL[:200]},
        company=company,
        reason=ALL[:300],
        by=replace(system_actor(), origin=Origin(actor=root)),
        now=clock(),
    )
    with unit():
        enqueue(
            to="victim@acme.example",
            template="notice",
            language="en",
            subject=ALL[:200],
            context={"display_name": ALL, "sentence": ALL, "address": ALL, "at": clock().isoformat()},
            now=clock(),
            expires_at=clock().replace(year=2030),
        )
    return victim


def test_evil_names_are_inert_on_every_page(poisoned: User, root: User) -> None:
    browser = cast.browser(root, HTTP_USER_AGENT=ALL)
    cast.browser(poisoned, HTTP_USER_AGENT=ALL)
    Session.objects.update(user_agent=f"Mozilla/5.0 {ALL}"[:200])
    ids = [str(poisoned.uid), str(poisoned.pk)]
    opened = 0
    for ident in ids:
        for path in every_path(ident=ident):
            if path.startswith(("/static/", "/logout/")):
                continue
            answer = browser.get(path)
            if answer.status_code != 200 or "html" not in answer["Content-Type"]:
                continue
            opened += 1
            assert harmless(answer.content.decode()), path
            policy = answer["Content-Security-Policy"]
            assert "script-src 'self'" in policy, path
            assert "unsafe" not in policy, path
            assert answer["X-Content-Type-Options"] == "nosniff"
            if path.startswith("/embed/"):  # in trusted sites; here is none
                assert "frame-ancestors 'none'" in policy, path
            else:
                assert answer["X-Frame-Options"] == "DENY", path
    assert opened > 30


@pytest.mark.parametrize("evil", SCRIPTS)
def test_what_is_typed_comes_back_as_text(web: WebDoor, ben: User, evil: str) -> None:
    web.begin(evil)
    assert harmless(web.answer.content.decode())
    web.take("password", password=evil)
    assert harmless(web.answer.content.decode())
    web.open(f"/login/?next={evil}")
    assert harmless(web.answer.content.decode())
    web.forgotten(evil)
    assert harmless(web.answer.content.decode())
    for path in (
        f"/login/{evil}/",
        f"/login/forgotten/{evil}/",
        f"/{evil}",
        f"/account/sessions/{evil}/end/",
    ):
        assert harmless(web.browser.get(path).content.decode()), path


def test_problem_documents_are_json_and_nothing_else() -> None:
    client = Client(SERVER_NAME="127.0.0.1")
    for evil in SCRIPTS:
        answer = client.post("/api/v1/login/", {"username": "x", evil: evil}, content_type="application/json")
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["X-Content-Type-Options"] == "nosniff"
        answer = client.get(f"/api/v1/{evil}/")
        assert answer["Content-Type"].startswith("application/problem+json")


def test_the_policy_stands_on_error_pages_too(web: WebDoor, ben: User) -> None:
    for path in ("/nothing/here/", "/login/forgotten/x/", "/admin/nothing/", "/api/v1/nothing/"):
        answer = web.browser.get(path)
        assert "script-src 'self'" in answer["Content-Security-Policy"], path
    refused = web.browser.post("/login/", {"username": BEN})
    assert refused.status_code == 403
    assert "script-src 'self'" in refused["Content-Security-Policy"]


def test_evil_names_are_inert_in_mails(web: WebDoor, ada: User, post: Post) -> None:
    User.objects.filter(pk=ada.pk).update(display_name=ALL[:120])
    evil = WebDoor(agent=f"Mozilla/5.0 {ALL}")
    sign_in(evil, "ada@acme.example", PASSWORD)
    (mail,) = post.to("ada@acme.example")
    html = mail.get_body(("html",))
    assert html is not None
    assert harmless(html.get_content())


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: mallory@evil.example", "a\nX: y", "a\x00b", "a\u2028b", "=?utf-8?q?x=0A?="]
)
def test_a_header_of_a_mail_takes_no_line_break(acme: Company, clock: Time, evil: str) -> None:
    for name in ("TwoFactor.EmailSubject", "TwoFactor.EmailFrom"):
        revised = change_settings(
            {name: evil}, company=acme, reason="x", by=system_actor(), now=timezone.now()
        )
        if "=?" not in evil and evil != "a\u2028b":
            assert revised.code == "invalid", name  # type: ignore[union-attr]


def test_a_subject_with_odd_characters_does_not_stop_the_mail(
    web: WebDoor, ada: User, acme: Company, post: Post
) -> None:
    for subject in ("a\u2028b", "=?utf-8?q?x=0A?=", "código – 数字", "x" * 500):
        change_settings(
            {"TwoFactor.EmailSubject": subject},
            company=acme,
            reason="x",
            by=system_actor(),
            now=timezone.now(),
        )
        one = WebDoor()
        said = sign_in(one, "ada@acme.example", PASSWORD)
        assert (said.status, said.step) == (200, "code"), subject
        (mail, *_rest) = reversed(post.to("ada@acme.example"))
        assert "evil" not in str(mail["Subject"])
    assert len(post.to("ada@acme.example")) == 4
