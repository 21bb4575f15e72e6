"""One file of settings, read from the environment; a missing secret or an unsafe mix refuses to start."""

import ipaddress
import os
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from core import crypto
from core.errors import PortalError
from portal import keys, servers

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")).resolve()
try:
    _kept = keys.read(DATA_DIR)
except OSError as error:
    raise ImproperlyConfigured(
        f"DATA_DIR cannot be used: {error.strerror} ({error.filename})." if error.strerror else str(error)
    ) from None


def _read(name: str, default: str | None = "") -> str:
    """The value of NAME, else the content of the file that NAME_FILE names, else what `keys.env` keeps, else the default."""
    if name in os.environ:
        return os.environ[name]
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # its path is not repeated: it may be the secret itself
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {reason}.") from None
    value = _kept.get(name, default)
    if value is None:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it, or {name}_FILE to a file that holds it, as docs/deployment.md says; "
            f"only to try it, `script/server` makes {DATA_DIR}/keys.env."
        )
    return value


def _list(name: str) -> list[str]:
    return [part.strip() for part in _read(name).split(",") if part.strip()]


def _number(name: str, text: str, *, kind: type[int] | type[float], lowest: int, highest: int) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not lowest <= value <= highest:
        raise ImproperlyConfigured(f"{name} is a number from {lowest} to {highest}.")
    return value


SECRET_KEY = _read("SECRET_KEY", None)
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY has 32 characters at least; `openssl rand -base64 48` makes one.")
FIELD_KEYS = _read("FIELD_KEYS", None)
try:
    crypto.refuse_malformed(FIELD_KEYS)
except PortalError as error:
    raise ImproperlyConfigured(error.detail) from None
DEMO = _read("DEMO", "0") in {"1", "true", "yes"}
_port = os.environ.get("PORT") or _read("HTTP_PORT", "8000")
HTTP_PORT = int(_number("PORT (or HTTP_PORT)", _port, kind=int, lowest=1, highest=65535))
PUBLIC_URL = _read("PUBLIC_URL", f"http://127.0.0.1:{HTTP_PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
if (
    _public.scheme not in {"http", "https"}
    or not _public.hostname
    or _public.path
    or _public.query
    or _public.username
):
    raise ImproperlyConfigured(
        "PUBLIC_URL must look like https://portal.example.com: scheme and host, nothing else."
    )
TLS_CERT_FILE, TLS_KEY_FILE = _read("TLS_CERT_FILE"), _read("TLS_KEY_FILE")  # of `manage.py configserver`
HTTPS = _public.scheme == "https"
LOOPBACK = _public.hostname in servers.LOOPBACK
if not HTTPS and not LOOPBACK:
    raise ImproperlyConfigured(
        "PUBLIC_URL must use https, except on this machine itself (127.0.0.1 or localhost)."
    )
if DEMO and not LOOPBACK:
    raise ImproperlyConfigured(
        "DEMO shows every mail to every visitor; it is only possible where PUBLIC_URL is this machine."
    )

ALLOWED_HOSTS = _list("ALLOWED_HOSTS") or (
    [_public.hostname, "localhost"] if LOOPBACK else [_public.hostname]
)
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS must name the hosts; '*' would let a stranger choose the host of our links."
    )
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = _list("TRUSTED_PROXIES")  # networks in CIDR form; see core.http.client_address
DEBUG = False

INSTALLED_APPS = [
    "portal.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "portal",
    "login",
    "cobrowse",
    "oidc",
    "twofactor",
    "accounts",
    "tenants",
    "delivery",
    "configserver",
    "audit",
    "core",
]

MIDDLEWARE = [
    "core.middleware.RequestBoundary",
    "portal.health.Watchers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.Language",
    "core.middleware.NeedsDatabase",
    "cobrowse.cors.Cors",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SessionMiddleware",
    "core.ratelimit.RateLimits",
    "core.middleware.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# Sessions are rows of our own (accounts.Session), so Django's session and authentication middleware have nothing to do.
# Whether other hosts of the domain keep to HTTPS is not ours to promise (W005, W021).
SILENCED_SYSTEM_CHECKS = ["admin.E408", "admin.E410", "security.W005", "security.W021"]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "core.forms.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "portal.context.portal",
            ],
        },
    }
]

# --- database ----------------------------------------------------------------------------------------------------------
_database = servers.database(_read("DATABASE_URL") or f"sqlite:///{quote(str(DATA_DIR))}/db.sqlite3")
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Refusals are written down before they are answered; one transaction around the request would erase them.
assert not _database.get("ATOMIC_REQUESTS")  # noqa: S101

REDIS_URL = servers.redis(_read("REDIS_URL"))
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- people ------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS: list[
    str
] = []  # login/ is the only way in; django.contrib.auth.authenticate() knows nobody
PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
LOGIN_URL = "/login/"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- mail --------------------------------------------------------------------------------------------------------------
EMAIL_URL = _read("EMAIL_URL")  # empty: mails become files under DATA_DIR/outbox
DEFAULT_FROM_EMAIL = _read("DEFAULT_FROM_EMAIL", f"Gatehouse <no-reply@{_public.hostname}>")
EMAIL_TIMEOUT = 10

# --- calls to addresses that administrators type (core.outbound) -------------------------------------------------------
OUTBOUND_ALLOW = _list("OUTBOUND_ALLOW")  # networks that are not public, and may be called nevertheless
for _network in OUTBOUND_ALLOW:
    try:
        ipaddress.ip_network(_network, strict=False)
    except ValueError:
        raise ImproperlyConfigured(
            f"OUTBOUND_ALLOW names {_network!r}, which is no network such as 10.0.5.0/24."
        ) from None
OUTBOUND_CA_FILE = _read("OUTBOUND_CA_FILE")  # authorities that are trusted beside those of the system
if OUTBOUND_CA_FILE:
    try:
        ssl.create_default_context(cafile=OUTBOUND_CA_FILE)
    except (OSError, ValueError):
        raise ImproperlyConfigured("OUTBOUND_CA_FILE names no file with certificates in PEM form.") from None

# --- text messages -----------------------------------------------------------------------------------------------------
TWILIO_ACCOUNT_SID = _read("TWILIO_ACCOUNT_SID")  # empty: text messages become files under DATA_DIR/outbox
TWILIO_AUTH_TOKEN = _read("TWILIO_AUTH_TOKEN")
TWILIO_FROM = _read("TWILIO_FROM")
TWILIO_API_BASE = _read("TWILIO_API_BASE")  # a twin on this machine, for tests
TWILIO_TIMEOUT = 10

# --- the browser -------------------------------------------------------------------------------------------------------
# The __Host- prefix binds a cookie to this very host over TLS: a sibling host can neither read nor plant it.
COOKIE_PREFIX = "__Host-" if HTTPS else ""
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
SESSION_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and not LOOPBACK
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS and not LOOPBACK else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# One megabyte holds every form and body that we accept; more is refused before it is parsed.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

# --- language and time -------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [
    BASE_DIR / "locale",
    DATA_DIR / "locale",
]  # what is translated, and what portal.translations makes of it
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "portal.formats"

# --- REST --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerOrSession"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.OwnSignIn"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.JsonBody"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.negotiation.Negotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "portal.schema.Schema",
    "DEFAULT_PAGINATION_CLASS": "core.paging.CursorPages",
    "DEFAULT_THROTTLE_CLASSES": ["core.ratelimit.CallerRate"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS would describe objects past the scoping
    "EXCEPTION_HANDLER": "portal.api.problem_of_exception",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gatehouse",
    "DESCRIPTION": (
        "Sign in under `login/`, then send `Authorization: Bearer <access_token>`; a page of this portal may use its session cookie "
        "with a CSRF token instead.\n\n"
        "What is out of the caller's reach does not exist (404); what is in reach but not allowed is 403. Every refusal is a problem "
        "document (RFC 9457) whose `code` does not change.\n\n"
        "Lists page by key: follow `next`. A create may carry an `Idempotency-Key`; sent again within a day, it gets the same answer. "
        "The `RateLimit-*` headers say where the caller stands."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
    },  # so many operations at once cannot be overlooked
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,  # so that what a request may not leave empty is told
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.schema.with_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ObjectKind": "tenants.models.Kind",
        "Reach": "tenants.models.Reach",
        "DirectoryReach": "configserver.models.Reach",
        "SessionKind": "accounts.models.SessionKind",
        "KeySource": "accounts.models.KeySource",
        "MessageKind": "delivery.models.Kind",
        "FactorKind": "twofactor.models.FactorKind",
        "BearerType": ["Bearer"],
        "ApplicationType": "cobrowse.models.ApplicationType",
        "SdkSessionState": ["pending", "active", "ended"],
        "CobrowseState": ["idle", "active", "ended"],
        "CobrowseMode": ["pointer", "write"],
        "CobrowseAsked": ["no", "requested", "refused"],
        "CobrowseRole": [(1, 1), (2, 2), (3, 3)],
        "AgentRight": ["view", "point", "control"],
        "IdTokenAlgorithm": "oidc.models.Algorithm",
        "AlwaysOff": ["off"],
        "AlwaysMe": ["me"],
    },
}

# --- running -----------------------------------------------------------------------------------------------------------
# Seconds between two looks at the version row (core.epoch); 0 asks the database at every use, as the tests do.
EPOCH_POLL_SECONDS = 0.25
# With the time of a call, whatever is taken away in a remote Configuration Server is felt here within a second.
CONFIGSERVER_POLL_SECONDS = 0.5
HTTP_THREADS = 8  # of a web process; each keeps a connection to the database
PINNED_OPTIONS = {name: value for name, value in os.environ.items() if name.startswith("OPTION_")}

CELERY_APP = "portal.celery.app"  # the queue that delivery wakes its worker through

# Seconds between the signal to stop and the last request taken: what a balancer that asks /readyz needs to notice.
_grace = _read("STOP_GRACE_SECONDS") or "0"
STOP_GRACE_SECONDS = _number("STOP_GRACE_SECONDS", _grace, kind=float, lowest=0, highest=40)
METRICS_TOKEN = _read("METRICS_TOKEN")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN has 20 characters at least: openssl rand -hex 32")
AREAS = (
    "api/v1/login/",
    "api/",
    "scim/",
    "cobrowse/",
    "login/",
    "account/",
    "admin/",
    "static/",
)  # whose durations are told apart
# What programs call: errors are problem documents there, told as whoever calls reads them (`core.middleware.as_read_by`).
PROGRAM_PREFIXES = ("/api/", "/cobrowse/rest/", "/scim/")
SDK_PREFIX = "/api/1/"
SCIM_PREFIX = "/scim/"
# Calls that name nobody by a header and are not counted by their network, because the view counts them by who it finds them to be.
COUNTED_BY_VIEW = ("/cobrowse/rest/live/users/",)

LOG_LEVEL = _read("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise ImproperlyConfigured("LOG_LEVEL is DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOG_FORMAT = _read("LOG_FORMAT") or ("line" if DEMO else "json")
if LOG_FORMAT not in {"json", "line"}:
    raise ImproperlyConfigured("LOG_FORMAT is json or line.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "core.logs.Lines", "style": LOG_FORMAT}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # At DEBUG Django logs SQL with its parameters, and a parameter may be a password hash or a token's fingerprint.
        "django.db.backends": {"level": "INFO"},
        # At DEBUG it prints the values of a page whose template asks for one that is missing.
        "django.template": {"level": "INFO"},
        # What a caller does wrong is told to the caller; at DEBUG every request has its line.
        "django.request": {"level": "ERROR"},
        "twilio": {"level": "WARNING"},  # at INFO it writes a dozen lines for each message
        "django.security": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "WARNING"},  # a proxy that changes headers shows here first
    },
}
