"""Another process of the product: prints when it first sees that a session no longer holds. Started by a test, not imported by one."""

import sys
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.principal import Principal, principal_of_cookie, principal_of_session  # noqa: E402
from accounts.tokens.verify import principal_of_token  # noqa: E402


def of_key(secret: str) -> Principal | None:
    """The person behind an API key."""
    return principal_of_token(secret, now=timezone.now())


def main(fingerprint: str, uid: str, secret: str = "") -> None:
    """Ask as every request does, and tell both moments."""
    asked = [
        (principal_of_cookie, fingerprint),
        (principal_of_session, uid),
        *([(of_key, secret)] if secret else []),
    ]
    for ask, name in asked:
        principal = ask(name)
        if principal is None or not principal.is_live(now=timezone.now()):
            raise SystemExit("it did not hold to begin with")
    print("watching", flush=True)  # noqa: T201
    deadline = time.time() + 10
    while time.time() < deadline:
        held = [ask(name) for ask, name in asked]
        if not any(one is not None and one.is_live(now=timezone.now()) for one in held):
            print(f"ended {time.time()}", flush=True)  # noqa: T201
            return
        time.sleep(0.01)
    print("still there", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
