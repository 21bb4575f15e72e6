"""The pages under /account/."""

from django.urls import path

from portal.account import applications, apps, contacts, home, keys, passkeys, recovery, security, sessions

app_name = "account"
urlpatterns = [
    path("", home.overview, name="overview"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/end-others/", sessions.end_others, name="end-others"),
    path("sessions/<uuid:uid>/end/", sessions.end, name="end-session"),
    path("password/", contacts.password, name="password"),
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/email/", contacts.change, {"sort": "email"}, name="change-email"),
    path("contacts/email/verify/", contacts.verify, {"sort": "email"}, name="verify-email"),
    path("contacts/email/resend/", contacts.resend, {"sort": "email"}, name="resend-email"),
    path("contacts/email/cancel/", contacts.keep_old, name="keep-email"),
    path("contacts/phone/", contacts.change, {"sort": "phone"}, name="change-phone"),
    path("contacts/phone/verify/", contacts.verify, {"sort": "phone"}, name="verify-phone"),
    path("contacts/phone/resend/", contacts.resend, {"sort": "phone"}, name="resend-phone"),
    path("contacts/phone/cancel/", contacts.keep_old, name="keep-phone"),
    path("applications/", applications.applications, name="applications"),
    path("applications/<uuid:uid>/disconnect/", applications.disconnect, name="disconnect"),
    path("keys/", keys.keys, name="keys"),
    path("keys/new/", keys.make, name="make-key"),
    path("keys/<uuid:uid>/rename/", keys.rename, name="rename-key"),
    path("keys/<uuid:uid>/revoke/", keys.revoke, name="revoke-key"),
    path("security/", security.security, name="security"),
    path("security/app/", apps.add, name="add-app"),
    path("security/app/<uuid:uid>/", apps.set_up, name="set-up-app"),
    path("security/recovery/", recovery.recovery, name="recovery"),
    path("security/turn-on/<slug:kind>/", security.turn_on, name="turn-on"),
    path("security/factors/<uuid:uid>/", security.change, name="change-factor"),
    path("security/passkeys/add/", passkeys.add, name="add-passkey"),
    path("security/factors/<uuid:uid>/remove/", security.remove, name="remove-factor"),
    path("security/keep/", security.keep, name="keep-factor"),
    path("security/devices/<uuid:uid>/remove/", security.forget, name="forget-browser"),
]
