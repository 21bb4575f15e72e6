"""Passkeys in a real browser, with an authenticator of Chromium's own that needs no finger."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from tests.browser.conftest import Open
from tests.browser.house import PASSWORD, House
from tests.browser.window import Window
from tests.services import free_port
from tests.services.product import running_product

pytestmark = pytest.mark.xdist_group("browser")
OLD_BROWSER = """
delete PublicKeyCredential.parseCreationOptionsFromJSON;
delete PublicKeyCredential.parseRequestOptionsFromJSON;
delete PublicKeyCredential.prototype.toJSON;
"""


class NamedHouse(House):
    """The product at an address with a name, which passkeys need."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://localhost:{self.product.port}"


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A product of its own, at localhost."""
    port = str(free_port())
    where = {"PORT": port, "PUBLIC_URL": f"http://localhost:{port}", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    with running_product(tmp_path_factory.mktemp("passkeys"), **where) as product:
        yield NamedHouse(product)


@dataclass
class Device:
    """The authenticator of one window."""

    protocol: CDPSession
    id: str

    def verifies(self, owner: bool) -> None:
        """Whether it makes sure of its owner from now on."""
        self.protocol.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": owner})

    @property
    def credentials(self) -> list[Any]:
        """What it keeps."""
        kept: list[Any] = self.protocol.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return kept


def device_in(window: Window) -> Device:
    """Give the window a device with a key store."""
    protocol = window.context.new_cdp_session(window.page)
    protocol.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = protocol.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Device(protocol=protocol, id=made["authenticatorId"])


def add_passkey(dora: Window, name: str = "Work laptop") -> None:
    dora.open("/account/security/passkeys/add/")
    dora.page.get_by_label("Name").fill(name)
    dora.page.get_by_role("button", name="Continue").click()
    dora.page.wait_for_url("**/account/security/")
    assert dora.reads("The passkey was added")


def use_passkey(dora: Window) -> None:
    dora.open("/login/")
    dora.page.get_by_role("button", name="Sign in with a passkey").click()


def test_a_passkey_is_added_and_signs_in_beside_the_password_and_alone(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    device = device_in(dora)
    dora.sign_in(email, PASSWORD)
    add_passkey(dora)
    assert len(device.credentials) == 1
    assert device.credentials[0]["isResidentCredential"]
    dora.sign_out("Dora")
    dora.begin(email, PASSWORD)
    dora.page.wait_for_url(f"{house.url}/")
    dora.sign_out("Dora")
    use_passkey(dora)
    dora.page.wait_for_url(f"{house.url}/")
    assert dora.heading == "Hello, Dora"


def test_a_passkey_that_was_removed_lets_nobody_in(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    device_in(dora)
    dora.sign_in(email, PASSWORD)
    add_passkey(dora)
    remove = dora.page.get_by_role("button", name="Remove").or_(dora.page.get_by_role("link", name="Remove"))
    remove.first.click()
    if dora.path.endswith("/remove/"):
        dora.press("Remove")
    dora.page.get_by_text("was turned off").first.wait_for()
    dora.sign_out("Dora")
    use_passkey(dora)
    dora.page.get_by_text("This passkey was not accepted").wait_for()
    assert dora.path == "/login/passkey/"
    dora.open("/")
    assert dora.path.startswith("/login/")


def test_a_device_that_has_one_already_is_told_so(window: Open, house: House) -> None:
    dora = window()
    device = device_in(dora)
    dora.sign_in(house.person(), PASSWORD)
    add_passkey(dora)
    dora.open("/account/security/passkeys/add/")
    dora.page.get_by_role("button", name="Continue").click()
    dora.page.get_by_text("has a passkey for your account already").wait_for()
    expect(dora.page.get_by_role("button", name="Make the passkey")).to_be_enabled()
    assert len(device.credentials) == 1


def test_what_was_cancelled_can_be_tried_again(window: Open, house: House) -> None:
    dora = window()
    device = device_in(dora)
    dora.sign_in(house.person(), PASSWORD)
    add_passkey(dora)
    dora.sign_out("Dora")
    device.verifies(owner=False)
    use_passkey(dora)
    dora.page.get_by_text("It was cancelled, or took too long").wait_for()
    button = dora.page.get_by_role("button", name="Use your passkey")
    expect(button).to_be_enabled()
    device.verifies(owner=True)
    button.click()
    dora.page.wait_for_url(f"{house.url}/")


def test_an_older_browser_without_the_json_of_webauthn_does_it_too(window: Open, house: House) -> None:
    dora = window()
    dora.context.add_init_script(OLD_BROWSER)
    device_in(dora)
    dora.sign_in(house.person(), PASSWORD)
    add_passkey(dora)
    assert not dora.page.evaluate("'toJSON' in PublicKeyCredential.prototype")
    dora.sign_out("Dora")
    use_passkey(dora)
    dora.page.wait_for_url(f"{house.url}/")


def test_a_browser_without_passkeys_says_so(window: Open, house: House) -> None:
    dora = window()
    dora.context.add_init_script("delete window.PublicKeyCredential")
    use_passkey(dora)
    dora.page.get_by_text("This browser knows no passkeys").wait_for()
    assert not dora.page.get_by_role("button", name="Use your passkey").is_visible()
    dora.open("/login/")
    dora.sign_in(house.person(), PASSWORD)
    assert dora.path == "/"


def test_without_javascript_the_page_says_what_is_missing(window: Open, house: House) -> None:
    dora = window(java_script_enabled=False)
    use_passkey(dora)
    dora.page.get_by_text("needs JavaScript").wait_for()
    dora.press("Start again")
    dora.sign_in(house.person(), PASSWORD)
    dora.open("/account/security/passkeys/add/")
    assert dora.reads("needs JavaScript")


def test_an_idle_page_opens_again_by_the_passkey_and_nothing_is_lost(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    device_in(dora)
    dora.sign_in(email, PASSWORD)
    add_passkey(dora)
    dora.sign_out("Dora")
    use_passkey(dora)
    dora.page.wait_for_url(f"{house.url}/")
    house.leave_idle(email, minutes=20)
    dora.page.goto(f"{house.url}/account/sessions/", wait_until="commit")
    dora.page.wait_for_url("**/account/sessions/")
    assert dora.heading == "My account"
