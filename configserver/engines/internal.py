"""The Configuration Server's own proof: the password of a person that it keeps itself. One call, one hash, whatever the answer."""

from django.contrib.auth.hashers import make_password, verify_password

from configserver.engines.base import Refused, Verified


def verify(kept: str, password: str) -> tuple[Verified | Refused, bool]:
    """Whether `password` is the one kept as this hash (empty: nobody's), and whether it should be hashed anew."""
    if not kept:
        make_password(password)
        return Refused(), False
    right, outdated = verify_password(password, kept)
    return (Verified(), outdated) if right else (Refused(), False)
