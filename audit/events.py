"""Every kind of event, named `area:subject:verb`; nothing else can be recorded."""

from enum import StrEnum


class Event(StrEnum):
    """What can happen. The names do not change: other people's tools filter by them."""

    LOGIN_PASSWORD_ACCEPTED = "login:password:accepted"  # noqa: S105
    LOGIN_PASSWORD_REFUSED = "login:password:refused"  # noqa: S105
    LOGIN_CODE_SENT = "login:code:sent"
    LOGIN_CODE_ASKED = "login:code:asked"
    LOGIN_CODE_ACCEPTED = "login:code:accepted"
    LOGIN_CODE_REFUSED = "login:code:refused"
    LOGIN_DENIED = "login:attempt:denied"
    LOGIN_LIMITED = "login:attempt:limited"
    LOGIN_SUCCEEDED = "login:attempt:succeeded"
    LOGIN_CONFIRMED = "login:session:confirmed"
    FORWARDED = "configserver:change:forwarded"

    HELP_ASKED = "login:help:asked"
    HELP_WITHDRAWN = "login:help:withdrawn"
    HELP_NUMBER_WRONG = "login:help:refused"
    HELP_CONFIRMED_ONCE = "login:help:confirmedonce"
    HELP_CONFIRMED = "login:help:confirmed"
    HELP_DENIED = "login:help:denied"
    HELP_EXPIRED = "login:help:expired"
    FORGOTTEN_ASKED = "login:forgotten:asked"
    FORGOTTEN_OPENED = "login:forgotten:opened"

    SESSION_STARTED = "accounts:session:started"
    SESSION_ENDED = "accounts:session:ended"
    SESSION_LOCKED = "accounts:session:locked"
    TOKEN_REFRESHED = "accounts:token:refreshed"  # noqa: S105
    TOKEN_REUSED = "accounts:token:reused"  # noqa: S105
    TOKEN_REVOKED = "accounts:token:revoked"  # noqa: S105
    API_KEY_CREATED = "accounts:key:created"
    API_KEY_CHANGED = "accounts:key:changed"
    API_KEY_REVOKED = "accounts:key:revoked"
    ASSERTION_REFUSED = "accounts:assertion:refused"
    INTEGRATION_CREATED = "accounts:integration:created"
    INTEGRATION_CHANGED = "accounts:integration:changed"
    INTEGRATION_DELETED = "accounts:integration:deleted"
    INTEGRATION_KEY_ADDED = "accounts:publickey:added"
    INTEGRATION_KEY_REMOVED = "accounts:publickey:removed"

    SIGNING_KEY_MADE = "accounts:signingkey:made"
    SIGNING_KEY_ROTATED = "accounts:signingkey:rotated"
    SIGNING_KEY_REVOKED = "accounts:signingkey:revoked"
    SIGNING_KEY_ERASED = "accounts:signingkey:erased"

    USER_CREATED = "accounts:user:created"
    USER_CHANGED = "accounts:user:changed"
    USER_DELETED = "accounts:user:deleted"
    USER_DISABLED = "accounts:user:disabled"
    USER_ENABLED = "accounts:user:enabled"
    USER_LOCKED = "accounts:user:locked"
    USER_UNLOCKED = "accounts:user:unlocked"
    PASSWORD_SET = "accounts:password:set"  # noqa: S105
    PASSWORD_CHANGED = "accounts:password:changed"  # noqa: S105
    CONTACT_CHANGED = "accounts:contact:changed"
    CONTACT_VERIFIED = "accounts:contact:verified"

    JOIN_LINK_MADE = "accounts:joinlink:made"
    JOIN_LINK_MAILED = "accounts:joinlink:mailed"
    JOIN_LINK_SHOWN = "accounts:joinlink:shown"
    JOIN_LINK_REVOKED = "accounts:joinlink:revoked"
    JOIN_LINK_ACCEPTED = "accounts:joinlink:accepted"

    FACTOR_ADDED = "twofactor:factor:added"
    FACTOR_CHANGED = "twofactor:factor:changed"
    FACTOR_REMOVED = "twofactor:factor:removed"
    FACTORS_RESET = "twofactor:factor:reset"
    DEVICE_REMEMBERED = "twofactor:device:remembered"
    DEVICE_FORGOTTEN = "twofactor:device:forgotten"

    COMPANY_CREATED = "tenants:company:created"
    COMPANY_CHANGED = "tenants:company:changed"
    COMPANY_DELETED = "tenants:company:deleted"
    ROLE_CREATED = "tenants:role:created"
    ROLE_CHANGED = "tenants:role:changed"
    ROLE_DELETED = "tenants:role:deleted"
    PRIVILEGE_CREATED = "tenants:privilege:created"
    PRIVILEGE_CHANGED = "tenants:privilege:changed"
    PRIVILEGE_DELETED = "tenants:privilege:deleted"
    PERMISSION_CREATED = "tenants:permission:created"
    PERMISSION_CHANGED = "tenants:permission:changed"
    PERMISSION_DELETED = "tenants:permission:deleted"
    SETTINGS_CHANGED = "tenants:settings:changed"

    LOGIN_UNAVAILABLE = "login:directory:unavailable"
    LOGIN_ASKED = "login:directory:asked"
    IMPERSONATION_STARTED = "accounts:impersonation:started"
    IMPERSONATION_ENDED = "accounts:impersonation:ended"
    PERSON_CREATED = "configserver:person:created"
    PERSON_CHANGED = "configserver:person:changed"
    PERSON_DELETED = "configserver:person:deleted"
    PERSON_PASSWORD_SET = "configserver:password:set"  # noqa: S105
    TENANT_CREATED = "configserver:tenant:created"
    TENANT_CHANGED = "configserver:tenant:changed"
    TENANT_DELETED = "configserver:tenant:deleted"
    DIRECTORY_ROLE_CREATED = "configserver:role:created"
    DIRECTORY_ROLE_CHANGED = "configserver:role:changed"
    DIRECTORY_ROLE_DELETED = "configserver:role:deleted"
    DIRECTORY_PERMISSION_CREATED = "configserver:permission:created"
    DIRECTORY_PERMISSION_CHANGED = "configserver:permission:changed"
    DIRECTORY_PERMISSION_DELETED = "configserver:permission:deleted"
    DIRECTORY_CREATED = "configserver:directory:created"
    DIRECTORY_CHANGED = "configserver:directory:changed"
    DIRECTORY_DELETED = "configserver:directory:deleted"
    DIRECTORY_TESTED = "configserver:directory:tested"
    DIRECTORY_IMPORTED = "configserver:import:ended"
    DIRECTORY_TOKEN_MADE = "configserver:token:made"  # noqa: S105
    DIRECTORY_GROUP_CREATED = "configserver:group:created"
    DIRECTORY_GROUP_CHANGED = "configserver:group:changed"
    DIRECTORY_GROUP_DELETED = "configserver:group:deleted"
    PORTAL_ADMITTED = "configserver:portal:admitted"
    PORTAL_DISMISSED = "configserver:portal:dismissed"
    PACKAGE_APPLIED = "configserver:package:applied"
    PACKAGE_ROLLED_BACK = "configserver:package:reverted"

    DELIVERY_FAILED = "delivery:message:failed"
    DELIVERY_RETRIED = "delivery:message:retried"
    TEXT_REFUSED = "delivery:text:refused"

    LINK_ASKED = "login:link:asked"
    LINK_OPENED = "login:link:opened"
    SSO_CONTINUED = "login:integration:continued"

    APPLICATION_CREATED = "cobrowse:application:created"
    APPLICATION_CHANGED = "cobrowse:application:changed"
    APPLICATION_DELETED = "cobrowse:application:deleted"
    OPTION_CHANGED = "cobrowse:option:changed"
    TOKENS_COMPARED = "cobrowse:tokens:compared"
    COBROWSE_STARTED = "cobrowse:session:started"
    COBROWSE_JOINED = "cobrowse:session:joined"
    COBROWSE_MODE_CHANGED = "cobrowse:mode:changed"
    COBROWSE_CHANGED = "cobrowse:session:changed"
    COBROWSE_ENDED = "cobrowse:session:ended"
    COBROWSE_GUESSED = "cobrowse:digits:limited"
    AGENT_TOKEN_ISSUED = "cobrowse:agenttoken:issued"  # noqa: S105
    AGENT_TOKEN_REVOKED = "cobrowse:agenttoken:revoked"  # noqa: S105

    REFUSED = "portal:change:refused"
    AUDIT_EXPORTED = "audit:trail:exported"
    AUDIT_PRUNED = "audit:trail:pruned"
    KEYS_ROTATED = "installation:keys:rotated"
    BACKUP_RESTORED = "installation:backup:restored"
    DEMO_LOADED = "portal:demo:loaded"
