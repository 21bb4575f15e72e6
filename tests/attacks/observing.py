"""What an attacker sees of an answer, without what is random in it."""

import re
from itertools import count

from django.http import HttpResponse

from core import entropy
from tests.journeys.doors import Door, WebDoor


def plain(answer: HttpResponse, name: str) -> str:
    """An answer without what is random in it."""
    headers = "\n".join(f"{key}: {value}" for key, value in sorted(answer.items()))
    cookies = "\n".join(sorted(str(cookie) for cookie in answer.cookies.values()))
    text = f"{answer.status_code}\n{headers}\n{cookies}\n{answer.content.decode()}"
    text = text.replace(name, "NAME")
    text = re.sub(r"gh_[a-z]+_[\w-]{43}", "SECRET", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)
    text = re.sub(r"(?<=csrf=)\w+|(?<=csrfmiddlewaretoken\" value=\")\w+", "TOKEN", text)
    text = re.sub(r"X-Request-Id: \w+|Content-Length: \d+|RateLimit-(Remaining|Reset): \d+", "", text)
    return re.sub(r"[ \n]+", " ", text)


def answer_of(door: Door) -> HttpResponse:
    """The first answer to the last thing sent, and not where it redirects to."""
    return door.trail[0] if isinstance(door, WebDoor) else door.answer  # type: ignore[attr-defined]


def nobody(*, place: int, engines: int) -> str:
    """A name that nobody has, of those for whose sake the engine at this place is asked in vain; the Configuration Server is at 0."""
    return next(
        name
        for number in count()
        if int(entropy.fingerprint(name := f"nobody{number}", purpose="decoy")[:8], 16) % engines == place
    )
