"""What the log may hold: nothing that opens a door. The framework logs addresses, and that of a mailed link is a secret."""

import logging
import re

# A mailed link (`<id>.<256 bits>`), our own tokens (`gh_<kind>_<256 bits>`), and JSON Web Tokens.
_SECRETS = re.compile(
    r"(?<=\.)[\w-]{43}\b"
    r"|(?<=gh_)[a-z]+_[\w-]{43}"
    r"|\beyJ[\w-]{10,}\.[\w-]+\.[\w-]+"
)


def scrubbed(text: str) -> str:
    """The text with everything that looks like a secret of ours left out."""
    return _SECRETS.sub("…", text)


class Line(logging.Formatter):
    """One line, or one with its traceback, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished text, scrubbed as the last thing, so that nothing that was put into it escapes."""
        return scrubbed(super().format(record))
