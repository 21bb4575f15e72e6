"""Signing in over REST, under /api/v1/."""

from django.urls import path

from login import api
from login.links import api as links

urlpatterns = [
    path("login/", api.BeginView.as_view(), name="login"),
    path("login/forgotten/", links.ForgottenView.as_view(), name="login-forgotten"),
    path("login/forgotten/consume/", links.ConsumeForgottenView.as_view(), name="login-forgotten-consume"),
    path("login/magic-link/", links.MagicLinkView.as_view(), name="login-magic-link"),
    path("login/magic-link/consume/", links.ConsumeMagicLinkView.as_view(), name="login-magic-link-consume"),
    path("login/recovery/end/", links.EndRecoveryView.as_view(), name="login-recovery-end"),
    path("register/", links.RegisterView.as_view(), name="register"),
    path("login/<slug:step>/", api.StepView.as_view(), name="login-step"),
    path("me/confirm/", api.ConfirmView.as_view(), name="me-confirm"),
]
