"""The pages under /login/ and /logout/."""

from django.urls import path

from login import views
from login.links import pages, pages_sso

app_name = "login"
urlpatterns = [
    path("login/", views.UsernameView.as_view(), name="username"),
    path("login/confirm/", views.confirm, name="confirm"),
    path("login/cancel/", views.cancel, name="cancel"),
    path("login/forgotten/", pages.ForgottenView.as_view(), name="forgotten"),
    path("login/forgotten/<str:token>/", pages.ForgottenLinkView.as_view(), name="forgotten-link"),
    path("login/link/", pages.MagicLinkView.as_view(), name="magic-link"),
    path("login/link/<str:token>/", pages.MagicLinkUseView.as_view(), name="magic-link-use"),
    path("sso/jwt/", pages_sso.SsoView.as_view(), name="sso"),
    path("register/", pages.RegisterView.as_view(), name="register"),
    path("join/<str:token>/", pages.JoinView.as_view(), name="join"),
    path("login/recovery/<str:token>/", pages.RecoveryView.as_view(), name="recovery"),
    path("login/<slug:step>/", views.StepView.as_view(), name="step"),
    path("logout/", views.sign_out, name="logout"),
]
