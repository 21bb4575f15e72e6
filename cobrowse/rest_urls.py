"""The addresses of co-browse over REST, as the source system has them: without a slash at the end."""

from django.urls import path

from cobrowse import rest

_USER = "live/users/<str:user_token>/session"
urlpatterns = [
    path("authtoken", rest.AuthToken.as_view()),
    path("live/sessions", rest.LiveSessions.as_view()),
    path("live/sessions/<str:token>", rest.LiveSession.as_view()),
    path("live/sessions/<str:token>/join", rest.Join.as_view()),
    path(_USER, rest.InSessionState.as_view()),
    path(f"{_USER}/exit", rest.Exit.as_view()),
    path(f"{_USER}/stop", rest.Stop.as_view()),
    path(f"{_USER}/mode", rest.ChangeMode.as_view()),
    path(f"{_USER}/page", rest.EnterPage.as_view()),
    path("history/sessions/<uuid:id>", rest.History.as_view()),
]
