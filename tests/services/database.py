"""The database of the test at hand, for other processes."""

import os

from django.db import connection


def environment() -> dict[str, str]:
    """What another process needs to run the product on the test's own database; only what was committed is there."""
    made = connection.settings_dict
    url = (
        f"sqlite:///{made['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{made['USER']}@{made['HOST']}:{made['PORT']}/{made['NAME']}"
    )
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "portal.settings"}
