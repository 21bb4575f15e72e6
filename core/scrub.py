"""Taking secrets out of text. Pure, and linear in the length of what it is given: every repetition is bounded or cannot be undone."""

import re
from collections.abc import Iterable

GONE = "…"
LONGEST = 8_000  # characters of one text that are kept

# The longest known first, for what one pattern leaves the next one reads.
_PATTERNS = (
    # What a database tells of a row that it refused holds the row.
    (re.compile(r"Failing row contains [^\n]*"), f"Failing row contains {GONE}"),
    (re.compile(r"Key \(([^)\n]{1,200})\)=[^\n]*"), rf"Key (\1)={GONE}"),
    # scheme://user:password@host
    (re.compile(r"://[^\s/@:]{0,200}:[^\s/@]{1,500}@"), f"://{GONE}@"),
    (re.compile(r"\b(Bearer|Basic) [\w.~+/=-]{8,5000}", re.IGNORECASE), rf"\1 {GONE}"),
    # password=… and "password": "…", as libraries print what they were given.
    (
        re.compile(
            r"\b((?:\w{1,40}_)?(?:password|passwd|secret|token|api_?key|cookie|handle|authorization))"
            r"(['\"]?\s{0,3}[=:]\s{0,3})(\"[^\"\n]{0,5000}\"|'[^'\n]{0,5000}'|[^\s,;)}\]]{1,5000})",
            re.IGNORECASE,
        ),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"\$argon2[\w$=,+/.-]{1,500}"), GONE),
    # Every token, link, fingerprint, signature and sealed value of ours is a word of at least 43 of these.
    (re.compile(r"[A-Za-z0-9_-]{40,}"), GONE),
)


def shortened(text: str, longest: int = LONGEST) -> str:
    """Its beginning and its end, cut between words: half a secret would no longer be known as one."""
    if len(text) <= longest:
        return text
    head, tail = text[: longest // 2], text[-(longest // 2) :]
    head = head[: max(head.rfind(" "), head.rfind("\n"), 0)]
    starts = [at for at in (tail.find(" "), tail.find("\n")) if at >= 0]
    return f"{head} {GONE} ({len(text)} characters) {GONE} {tail[min(starts, default=len(tail)) :]}"


def scrubbed(text: str) -> str:
    """The text without what looks like a secret, shortened."""
    text = shortened(text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def without(text: str, known: Iterable[str]) -> str:
    """The text without these very words, also where a program printed them quoted; words of less than six characters stay."""
    for word in sorted({one for one in known if len(one) >= 6}, key=len, reverse=True):
        text = text.replace(word, GONE)
        quoted = repr(word)[1:-1]
        if quoted != word:
            text = text.replace(quoted, GONE)
    return text
