"""The settings of the product, in an environment of its own: nothing of the shell leaks in, nothing is left behind."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = tempfile.mkdtemp(prefix="gatehouse-test-")
Path(_folder, "static").mkdir()  # WhiteNoise warns where it is missing
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

for _name in (
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "REDIS_URL",
    "EMAIL_URL",
    "DEFAULT_FROM_EMAIL",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_FROM",
    "TWILIO_API_BASE",
    "DEMO",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "METRICS_TOKEN",
    "PORT",
    "HTTP_PORT",
    "OUTBOUND_ALLOW",
    "OUTBOUND_CA_FILE",
):
    os.environ.pop(_name, None)
os.environ |= {
    "DATA_DIR": _folder,
    "SECRET_KEY": "a-key-for-tests-alone-" + "0" * 40,
    "FIELD_KEYS": "k1:" + "A" * 43 + "=",
}

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, STORAGES  # noqa: E402

CONFIGSERVER_POLL_SECONDS = 0
EPOCH_POLL_SECONDS = 0  # every cache asks the database, so no test waits for another's write
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that threads share it as processes do; not synced, for it is thrown away.
    DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}  # nothing is collected
