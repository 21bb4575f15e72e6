"""The script that a company's pages load: at one address that stays, the same for everybody, with its words in every language."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django.views.decorators.http import condition, require_safe

SOURCES = [
    Path(settings.BASE_DIR) / "static" / "js" / f"cobrowse-{name}.js"
    for name in ("customer", "customer-view")
]
FRESH_SECONDS = 300  # pages ask again after that, and are told by the ETag that nothing changed
WORDS: Mapping[str, str | Promise] = {
    "name": _("Co-browse"),
    "share": _("Share this page with an agent"),
    "have_digits": _("I have digits from an agent"),
    "digits": _("Digits from the agent"),
    "join": _("Join"),
    "cancel": _("Cancel"),
    "starting": _("One moment …"),
    "tell": _("Tell the agent these digits"),
    "copy": _("Copy"),
    "copied": _("Copied"),
    "code": _("Should six digits be asked for:"),
    "until": _("They hold until {time}, for one agent."),
    "sees": _("The agent then sees which page you are on."),
    "agent": _("An agent"),
    "here": _("{agent} is here"),
    "pointer": _("{agent} sees which page you are on. Only you type and click."),
    "write": _("{agent} may type and click on this page, because you allowed it."),
    "asks": _("{agent} asks to type and click on this page."),
    "allow": _("Allow"),
    "refuse": _("Refuse"),
    "take_back": _("Take that back"),
    "end": _("End"),
    "smaller": _("Make smaller"),
    "larger": _("Make larger"),
    "over": _("The session has ended"),
    "close": _("Close"),
    "away": _("The server does not answer. Trying again …"),
    "failed": _("That did not work. Please try again in a moment."),
    "not_allowed": _("Co-browse is not set up for this site. Please tell whoever looks after it."),
    "wrong_digits": _(
        "No session waits with these nine digits. Please compare them with what the agent reads to you."
    ),
    "comes": _("The agent comes in a moment."),
    "too_many": _("There were too many tries from your network. Please wait a few minutes."),
    "ended.customer-left": _("You ended it."),
    "ended.agent-left": _("The agent ended it."),
    "ended.stopped": _("The agent ended it."),
    "ended.administrator": _("An administrator ended it."),
    "ended.nobody-came": _("No agent came in time. You can start another one."),
    "ended.silent": _("Nothing was heard of one side for too long."),
    "ended.barred": _("The agent may not go on. You can start another session."),
    "ended.other": _("It is over."),
}


@cache
def script() -> tuple[bytes, str]:
    """The script as it is sent, and its ETag."""
    words = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            words[language] = {name: str(word) for name, word in WORDS.items()}
    source = "\n".join(one.read_text(encoding="utf-8") for one in SOURCES)
    text = f"(() => {{\nconst WORDS = {json.dumps(words)};\n{source}}})();\n".encode()
    return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'


@require_safe
@condition(etag_func=lambda _request: script()[1])
def customer_script(_request: HttpRequest) -> HttpResponse:
    """The script for pages of other sites."""
    response = HttpResponse(script()[0], content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
