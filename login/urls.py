"""The pages under /login/ and /logout/."""

from django.urls import path

from login import views
from login.links import pages

app_name = "login"
urlpatterns = [
    path("login/", views.UsernameView.as_view(), name="username"),
    path("login/confirm/", views.confirm, name="confirm"),
    path("login/cancel/", views.cancel, name="cancel"),
    path("login/forgotten/", pages.AskView.as_view(), name="forgotten"),
    path("login/forgotten/<str:token>/", pages.LinkView.as_view(), name="forgotten-link"),
    path("login/<slug:step>/", views.StepView.as_view(), name="step"),
    path("logout/", views.sign_out, name="logout"),
]
