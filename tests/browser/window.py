"""One browser window with its own cookies, and everything in it that a visitor of ours must never meet."""

from contextlib import suppress

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, Response

from tests.browser.house import House

_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.violatedDirective} refused ${event.blockedURI} ${event.sample} on ${event.documentURI}`));
"""
HAS_FOCUS_RING = """
(element) => { const style = getComputedStyle(element); return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2; }
"""


def close(context: BrowserContext) -> None:
    """Close a visitor's windows; each arrives somewhere first, for Chromium can wait for ever for a page that is on its way."""
    for page in context.pages:
        with suppress(Error):  # a page of ours may be on its way to another one at this very moment
            page.goto("about:blank")
            continue
        page.goto("about:blank")
    context.close()


class Window:
    """A browser context with one page to begin with; `complaints` holds console errors, CSP violations and requests that leave."""

    def __init__(self, context: BrowserContext, house: House) -> None:
        self.context, self.house = context, house
        self.complaints: list[str] = []
        self._refused_pages: set[str] = set()
        context.expose_binding("reportViolation", lambda _source, text: self.complaints.append(text))
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"error in a script: {error.error}"))
        context.set_default_timeout(5_000)
        self.page: Page = context.new_page()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.house.url}/", "data:", "about:")):
            self.complaints.append(f"a request left for {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.status >= 400:
            self._refused_pages.add(response.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium also calls it an error when a page itself is answered by 401, 403 or 429; that is how it has to be.
        if message.type == "error" and message.location["url"] not in self._refused_pages:
            self.complaints.append(f"console: {message.text} ({message.location['url']})")

    # --- looking -----------------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the page is, without the origin."""
        return self.page.url.removeprefix(self.house.url)

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return self.page.locator("h1").first.inner_text()

    def field(self, label: str) -> Locator:
        """The field with this label."""
        return self.page.get_by_label(label, exact=True)

    def reads(self, text: str) -> bool:
        """Whether this stands on the page for everybody to see."""
        return self.page.get_by_text(text).first.is_visible()

    @property
    def alert(self) -> str:
        """What the page complains about."""
        return self.page.get_by_role("alert").first.inner_text()

    @property
    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(
            self.page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
        )

    @property
    def focused(self) -> Locator:
        """What has the keyboard."""
        return self.page.locator(":focus")

    def has_focus(self, label: str) -> bool:
        """Whether this field has the keyboard."""
        return bool(self.field(label).evaluate("field => field === document.activeElement"))

    # --- doing -------------------------------------------------------------------------------------------------------------

    def open(self, path: str) -> Response | None:
        """Go to a page of ours."""
        return self.page.goto(self.house.url + path)

    def press(self, name: str) -> None:
        """Press the button with this name, and wait for the page that follows."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).first.click()

    def type_code(self, code: str) -> None:
        """Type the code of a mail and go on."""
        self.field("Code").fill(code)
        self.press("Continue")

    def begin(self, email: str, password: str) -> None:
        """Name oneself and give the password."""
        if not self.path.startswith("/login/"):
            self.open("/login/")
        self.field("E-mail address or user name").fill(email)
        self.press("Continue")
        self.field("Password").fill(password)
        self.press("Continue")

    def sign_in(self, email: str, password: str) -> None:
        """Sign in, by a mailed code where one is asked for."""
        self.begin(email, password)
        if self.path.startswith("/login/code/"):
            self.type_code(self.house.code(email))

    def sign_out(self, name: str) -> None:
        """Sign out by the menu under one's name."""
        self.page.locator("summary", has_text=name).click()
        self.press("Sign out")

    def another_tab(self, path: str) -> Page:
        """A second tab of this window."""
        tab = self.context.new_page()
        tab.goto(self.house.url + path)
        return tab

    def tab_to(self, name: str) -> Locator:
        """Press Tab until something with this name has the keyboard; whatever has it on the way must show that."""
        for _press in range(40):
            self.page.keyboard.press("Tab")
            assert self.focused.evaluate(HAS_FOCUS_RING), (
                f"no focus to be seen on {self.focused.inner_text()}"
            )
            if name in self.focused.inner_text():
                return self.focused
        raise AssertionError(f"Tab does not lead to {name}")
