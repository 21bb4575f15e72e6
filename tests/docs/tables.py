"""The tables in the guides that are made from the code, so that no number in them can be an old one.

`DJANGO_SETTINGS_MODULE=tests.settings .venv/bin/python -m tests.docs.tables` writes them into the guides anew.
"""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from django.utils import translation

if TYPE_CHECKING:
    from core.throttle import Limit

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "administration.md"
API_GUIDE = DOCS / "api.md"
ALERTS = DOCS.parent / "deploy" / "alerts.yml"


def block(text: str, name: str) -> str:
    """What stands between the two marks of this name."""
    found = re.search(_marks(name), text, re.DOTALL)
    assert found, f"no block {name}"
    return found["inside"]


def _marks(name: str) -> str:
    return rf"(?P<begin><!-- begin {name}[^>]*-->\n)(?P<inside>.*?)(?P<end><!-- end {name} -->)"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def words(span: timedelta) -> str:
    """A length of time as people say it."""
    seconds = round(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0 and seconds // size >= (2 if unit == "day" else 1):
            return f"{seconds // size} {unit}{'s' if seconds // size > 1 else ''}"
    return f"{seconds} seconds"


def settings() -> str:
    """Every setting that exists."""
    from core.options import Option, declared

    def shown(option: Option) -> str:
        if isinstance(option.default, bool):
            return "on" if option.default else "off"
        return f"{option.default} {option.unit}".strip() or "nothing"

    def bounds(option: Option) -> str:
        if option.type is int:
            return f"{option.minimum} to {option.maximum}"
        return "on, off" if option.type is bool else ", ".join(option.choices) or "one line of text"

    rows = (
        (
            f"`{name}`",
            shown(option),
            bounds(option),
            option.help,
            "yes" if option.company else "no",
            f"`{option.environment_name}`",
        )
        for name, option in declared().items()
    )
    head = ("Setting", "Default", "May be", "Meaning", "Company may differ", "Pinned by")
    return _table(head, rows)


def privileges() -> str:
    """Every privilege, and which of the built-in roles hold it."""
    from tenants.rights import PRIVILEGES

    built_in = import_module("tenants.migrations.0002_built_in")
    holders = {role: set(names) for role, _rank, names, _policy, _reach in built_in.ROLES}
    later = import_module("tenants.migrations.0004_privileges_of_directories")
    holders["Full Administrator"] |= set(later.PRIVILEGES)
    latest = import_module("tenants.migrations.0006_privileges_of_integrations")
    holders["Full Administrator"] |= set(latest.PRIVILEGES)
    holders["Company Administrator"] |= {
        name for name, (_allows, of_companies) in latest.PRIVILEGES.items() if of_companies
    }
    ranks = {"Full Administrator": 100, "Company Administrator": 60}
    for migration in (
        "0008_privileges_of_cobrowse",
        "0010_privilege_to_impersonate",
        "0011_help_at_the_sign_in",
    ):
        by_rank = import_module(f"tenants.migrations.{migration}").PRIVILEGES
        for (_application, name), (_allows, given_to) in by_rank.items():
            for role, rank in ranks.items():
                holders[role] |= {name} if rank in given_to else set()
    rows = (
        (f"`{name}`", allows, ", ".join(role for role, names in holders.items() if name in names))
        for name, allows in PRIVILEGES.items()
    )
    return _table(("Privilege", "It allows", "Built-in roles that have it"), rows)


def limits_told() -> "list[Limit]":
    """Every named limit that is told in the table."""
    from accounts.checks import NEW_PASSWORDS
    from accounts.integrations.reading import BY_HAND
    from accounts.inviting import MAILS_OF_COMPANY, MAILS_TO_ADDRESS
    from accounts.limits import APPS_BEGUN, CODES_A_DAY, CODES_AT_ONCE, HELP, NETWORK, PASSWORD, RECOVERY
    from cobrowse.rest import DRAWN
    from cobrowse.sessions.entering import STARTS
    from cobrowse.sessions.finding import WRONG_BY_NETWORK, WRONG_BY_PERSON
    from login.links.mailed import ASK_BY_BROWSER, ASK_BY_NAME, ASK_BY_NETWORK, ASK_TO_CONFIRM
    from login.service import BEGIN, CONFIRM
    from twofactor.services.passkeys import BEGUN

    codes = [CODES_AT_ONCE, CODES_A_DAY]
    return [
        PASSWORD,
        NEW_PASSWORDS,
        NETWORK,
        BEGIN,
        ASK_BY_NETWORK,
        ASK_BY_NAME,
        ASK_BY_BROWSER,
        ASK_TO_CONFIRM,
        *codes,
        BEGUN,
        APPS_BEGUN,
        CONFIRM,
        MAILS_TO_ADDRESS,
        MAILS_OF_COMPANY,
        BY_HAND,
        WRONG_BY_PERSON,
        WRONG_BY_NETWORK,
        STARTS,
        DRAWN,
        HELP,
        RECOVERY,
    ]


def limits() -> str:
    """Every limit with its number."""
    from accounts.inviting import MOST_HOURS, MOST_OPEN
    from accounts.sessions import CONFIRMED_FOR
    from accounts.tokens.issue import LIFETIME
    from core.ratelimit import NETWORKS, PEOPLE
    from login.case import LIFE
    from login.help.answering import GOES_ON_FOR, WRONG_NUMBERS
    from login.help.asking import LIFE as HELP_LIFE
    from login.links.mailed import LINK_LIFE
    from login.links.opening import CODE_CHECKS
    from twofactor.contacts import COUNTED_FOR
    from twofactor.services.challenges import COOL_DOWN, WAIT
    from twofactor.services.lost import USABLE_FOR

    def told(limit: "Limit") -> str:
        return f"{limit.tries} in {words(limit.window)}"

    (
        password,
        offered,
        network,
        begin,
        links,
        links_for_name,
        links_in_browser,
        codes_to_confirm,
        burst,
        day,
        passkeys,
        apps,
        confirmed,
        to_address,
        of_company,
        keys_read,
        digits,
        digits_of_network,
        starts,
        drawn,
        helped,
        lost,
    ) = limits_told()
    until = "refused until that time is over"
    rows = (
        (
            "Passwords tried for one person in browsers that are new to this person, all doors together",
            told(password),
            f"{words(password.pause)} of refusal",
        ),
        (
            "Passwords tried in one browser in which this person has signed in before",
            told(password),
            f"{words(password.pause)} of refusal, there alone",
        ),
        (
            "Wrong passwords from one network address, in browsers that are new to the person, and passkeys alone that do not hold",
            told(network),
            until,
        ),
        ("New passwords offered for one person that keep the other rules", told(offered), until),
        ("Sign-ins begun from one network address", told(begin), until),
        ("Links for a forgotten password asked for from one network address", told(links), until),
        (
            "Links for one name in browsers that are new to its person",
            told(links_for_name),
            "no further mail is sent; the answer stays the same",
        ),
        (
            "Links for one name in one browser in which its person has signed in",
            told(links_in_browser),
            "the same, there alone",
        ),
        ("Codes mailed to one person who confirms without a password", told(codes_to_confirm), until),
        ("Wrong short codes of one link", CODE_CHECKS, "the link is dead"),
        ("Codes sent to one person, all sign-ins together", f"{told(burst)}, {told(day)}", until),
        ("Passkeys that one person begins to add", told(passkeys), until),
        ("Confirmations begun in one session", told(confirmed), until),
        ("Keys of one integration read by hand", told(keys_read), until),
        ("Authenticator apps that one person begins to set up", told(apps), until),
        ("Between two codes of a sign-in", words(COOL_DOWN), "refused, with the seconds to wait"),
        ("Codes sent in one sign-in; checks of one code", "two settings", "what two more settings say"),
        (
            "Text messages to one number (for sign-ins, to verify it, as notices), to one country, in all",
            "three settings, in 24 hours",
            "refused, and written down; what is refused counts nowhere",
        ),
        ("Requests for help of one person", told(helped), until),
        ("A request for help", words(HELP_LIFE), "ask again"),
        ("A sign-in once an administrator has confirmed the person", words(GOES_ON_FOR), "begin again"),
        ("Waits for a lost second factor that one person begins", told(lost), until),
        (
            "A lost second factor can be replaced, once it is due, for",
            words(USABLE_FOR),
            "begin to wait again",
        ),
        ("Wrong numbers of one request for help", WRONG_NUMBERS, "the request is denied"),
        ("The behaviour `wait`", words(WAIT), "then the same sign-in may go on"),
        (
            "Codes to verify an address, sent in one session",
            f"the same setting, in {words(COUNTED_FOR)}",
            "refused",
        ),
        ("A sign-in in all", words(LIFE), "begin again"),
        ("A link for a forgotten password", words(LINK_LIFE), "ask for a new one"),
        ("A join link, to the second", f"at most {MOST_HOURS} hours", "make a new one"),
        ("Join links of one company that are open", MOST_OPEN, "refused until some are revoked or over"),
        ("Join links mailed to one address for one company", told(to_address), until),
        ("Join links mailed for one company", told(of_company), until),
        (
            "A proof stands for sensitive changes of one's own account for",
            words(CONFIRMED_FOR),
            "confirm again",
        ),
        ("Wrong digits of co-browse sessions, of one person over every door", told(digits), until),
        ("The same from one network address, on pages of customers", told(digits_of_network), until),
        ("Co-browse sessions started from one network address", told(starts), until),
        ("Agent tokens drawn from one network address", told(drawn), until),
        ("An access token", words(LIFETIME), "refresh it"),
        (
            "Calls of the API by one person (all processes together; without Redis each web process counts by itself)",
            f"{PEOPLE.limit} a minute",
            "429, with the seconds to wait",
        ),
        (
            "Calls of the API from one network address, without a token",
            f"{NETWORKS.limit} a minute",
            "the same",
        ),
    )
    return _table(("What is counted", "Limit", "Then"), rows)


def kept() -> str:
    """How long everything is kept."""
    from accounts.housekeeping import BROWSERS_KEPT, LINKS_KEPT, SESSIONS_KEPT, TOKENS_KEPT
    from configserver.services.importing import KEPT as IMPORTS_KEPT
    from core.idempotency import KEPT as ANSWERS_KEPT
    from delivery.drain import KEEP
    from login.housekeeping import KEPT as ATTEMPTS_KEPT
    from login.housekeeping import REQUESTS_KEPT
    from twofactor.housekeeping import KEPT as CODES_KEPT

    rows = (
        ("Sessions, with where and by what program", f"{words(SESSIONS_KEPT)} after their end at the latest"),
        ("Sessions that a token of an integration began", f"{words(TOKENS_KEPT)} after their end"),
        ("Browsers in which somebody has signed in", f"{words(BROWSERS_KEPT)} after they were last seen"),
        ("Join links, accepted or not", f"{words(LINKS_KEPT)} after their time was over"),
        ("Deliveries", words(KEEP)),
        ("Sign-ins under way", f"{words(ATTEMPTS_KEPT)} after their time was over"),
        (
            "Requests for help, with how the person was made sure of",
            f"{words(REQUESTS_KEPT)} after their time was over",
        ),
        ("What is known of a code", f"{words(CODES_KEPT)} after its time was over"),
        ("Co-browse sessions with their pages", "as `Cobrowse.HistoryDays` says, after their end"),
        ("Imports of people, with what differed", f"the last {IMPORTS_KEPT} of each directory"),
        ("Answers kept for an Idempotency-Key", words(ANSWERS_KEPT)),
        ("Audit events", "until `manage.py audit prune` is run"),
        ("Files under `outbox/`", "until somebody deletes them"),
    )
    return _table(("What", "Kept for"), rows)


def metrics() -> str:
    """Everything that `/metrics` tells."""
    from django.urls import get_resolver

    from core.metrics import PREFIX, declared
    from portal.metrics import BUILD, INSTALLATION

    assert get_resolver().url_patterns  # loads every module that counts
    everywhere = [(f"{PREFIX}_{name}", *what) for name, what in INSTALLATION.items()]
    told = sorted([*declared(), *everywhere, (f"{PREFIX}_build_info", *BUILD)])
    rows = ((f"`{name}`", ", ".join(f"`{one}`" for one in labels), text) for name, labels, text in told)
    return _table(("Metric", "Labels", "Means"), rows)


def alerts() -> str:
    """What to wake somebody for."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    told = [(rule["alert"], rule["annotations"]) for rule in group["rules"]]
    rows = ((f"`{name}`", notes["summary"], notes["then"]) for name, notes in told)
    return _table(("Alert", "When", "Then"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "privileges": privileges,
    "limits": limits,
    "kept": kept,
    "metrics": metrics,
    "alerts": alerts,
}


def _write() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    with translation.override("en"):
        for name, make in BLOCKS.items():
            found = re.search(_marks(name), text, re.DOTALL)
            if found is not None:
                begin, end = found.span("inside")
                text = text[:begin] + make() + text[end:]
    GUIDE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    import django

    django.setup()
    _write()
