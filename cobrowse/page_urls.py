"""The agent's pages."""

from django.urls import path

from cobrowse import pages

app_name = "cobrowse"
urlpatterns = [
    path("", pages.index, name="index"),
    path("<uuid:uid>/", pages.session, name="session"),
    path("<uuid:uid>/state", pages.state, name="state"),
    path("<uuid:uid>/mode/", pages.mode, name="mode"),
    path("<uuid:uid>/end/", pages.end, name="end"),
]
