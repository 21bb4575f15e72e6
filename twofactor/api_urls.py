"""One's own second factors, address and password, and explanations of sign-ins over REST, under /api/v1/."""

from django.urls import path

from twofactor import api
from twofactor.api_explain import ExplainSignIn

urlpatterns = [
    path("me/factors/", api.Factors.as_view(), name="me-factors"),
    path("me/factors/<uuid:id>/", api.OwnFactor.as_view(), name="me-factor"),
    path("me/email/", api.OwnEmail.as_view(), name="me-email"),
    path("me/email/confirm/", api.OwnEmailCode.as_view(), name="me-email-code"),
    path("me/password/", api.OwnPassword.as_view(), name="me-password"),
    path("explain-sign-in/", ExplainSignIn.as_view(), name="explain-sign-in"),
]
