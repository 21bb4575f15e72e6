"""One's own second factors, address and password, and explanations of sign-ins over REST, under /api/v1/."""

from django.urls import path

from twofactor import api, api_contacts
from twofactor.api_explain import ExplainSignIn
from twofactor.api_passkeys import OwnPasskeyMade, OwnPasskeys
from twofactor.api_people import DevicesOfPerson, FactorsOfPerson, RecoveryOfPerson
from twofactor.api_report import FactorReport

urlpatterns = [
    path("me/factors/", api.Factors.as_view(), name="me-factors"),
    path("me/factors/<uuid:id>/", api.OwnFactor.as_view(), name="me-factor"),
    path("me/factors/<uuid:id>/confirm/", api.OwnFactorCode.as_view(), name="me-factor-code"),
    path("me/devices/", api.Devices.as_view(), name="me-devices"),
    path("me/devices/<uuid:id>/", api.OwnDevice.as_view(), name="me-device"),
    path("me/recovery/", api.OwnRecovery.as_view(), name="me-recovery"),
    path("me/email/", api_contacts.OwnEmail.as_view(), name="me-email"),
    path("me/email/confirm/", api_contacts.OwnEmailCode.as_view(), name="me-email-code"),
    path("me/phone/", api_contacts.OwnPhone.as_view(), name="me-phone"),
    path("me/phone/confirm/", api_contacts.OwnPhoneCode.as_view(), name="me-phone-code"),
    path("me/passkeys/", OwnPasskeys.as_view(), name="me-passkeys"),
    path("me/passkeys/confirm/", OwnPasskeyMade.as_view(), name="me-passkey-made"),
    path("me/password/", api.OwnPassword.as_view(), name="me-password"),
    path("users/<uuid:id>/factors/", FactorsOfPerson.as_view({"get": "factors"}), name="user-factors"),
    path(
        "users/<uuid:id>/temporary-code/",
        FactorsOfPerson.as_view({"post": "temporary_code"}),
        name="user-temporary-code",
    ),
    path(
        "users/<uuid:id>/reset-factors/",
        FactorsOfPerson.as_view({"post": "reset"}),
        name="user-reset-factors",
    ),
    path("users/<uuid:id>/recovery/", RecoveryOfPerson.as_view({"get": "recovery"}), name="user-recovery"),
    path(
        "users/<uuid:id>/end-recovery/",
        RecoveryOfPerson.as_view({"post": "end"}),
        name="user-end-recovery",
    ),
    path("users/<uuid:id>/devices/", DevicesOfPerson.as_view({"get": "devices"}), name="user-devices"),
    path(
        "users/<uuid:id>/forget-devices/",
        DevicesOfPerson.as_view({"post": "forget"}),
        name="user-forget-devices",
    ),
    path("factor-report/", FactorReport.as_view({"get": "numbers"}), name="factor-report"),
    path("factor-report/shut-out/", FactorReport.as_view({"get": "list"}), name="factor-report-shut-out"),
    path("explain-sign-in/", ExplainSignIn.as_view(), name="explain-sign-in"),
]
