"""One's own second factors, address and password, and explanations of sign-ins over REST, under /api/v1/."""

from django.urls import path

from twofactor import api, api_contacts
from twofactor.api_explain import ExplainSignIn

urlpatterns = [
    path("me/factors/", api.Factors.as_view(), name="me-factors"),
    path("me/factors/<uuid:id>/", api.OwnFactor.as_view(), name="me-factor"),
    path("me/email/", api_contacts.OwnEmail.as_view(), name="me-email"),
    path("me/email/confirm/", api_contacts.OwnEmailCode.as_view(), name="me-email-code"),
    path("me/phone/", api_contacts.OwnPhone.as_view(), name="me-phone"),
    path("me/phone/confirm/", api_contacts.OwnPhoneCode.as_view(), name="me-phone-code"),
    path("me/password/", api.OwnPassword.as_view(), name="me-password"),
    path("explain-sign-in/", ExplainSignIn.as_view(), name="explain-sign-in"),
]
