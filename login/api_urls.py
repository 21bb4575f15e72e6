"""Signing in over REST, under /api/v1/."""

from django.urls import path

from login import api

urlpatterns = [
    path("login/", api.BeginView.as_view(), name="login"),
    path("login/forgotten/", api.ForgottenView.as_view(), name="login-forgotten"),
    path("login/forgotten/consume/", api.ConsumeView.as_view(), name="login-forgotten-consume"),
    path("login/<slug:step>/", api.StepView.as_view(), name="login-step"),
    path("me/confirm/", api.ConfirmView.as_view(), name="me-confirm"),
]
