"""What an explanation of a sign-in is made of: each app tells what it knows in the same terms."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What one finding means for what is explained."""

    OK = "ok"
    WARNING = "warning"  # it goes on, and somebody may wonder
    STOP = "stop"  # it would end here


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is looked at: its name for programs, what it means, and a sentence."""

    about: str
    verdict: Verdict
    sentence: str


def ok(about: str, sentence: str) -> Finding:
    """Nothing stands in the way."""
    return Finding(about=about, verdict=Verdict.OK, sentence=sentence)


def warning(about: str, sentence: str) -> Finding:
    """It goes on, and somebody may wonder."""
    return Finding(about=about, verdict=Verdict.WARNING, sentence=sentence)


def stop(about: str, sentence: str) -> Finding:
    """It would end here."""
    return Finding(about=about, verdict=Verdict.STOP, sentence=sentence)
