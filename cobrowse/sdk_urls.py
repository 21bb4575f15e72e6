"""The addresses of the published agent client: without a slash at the end."""

from django.urls import path

from cobrowse import api_sdk

urlpatterns = [
    path("users/me", api_sdk.Me.as_view()),
    path("users/<str:id>", api_sdk.SdkUsers.as_view()),
    path("accounts", api_sdk.Accounts.as_view()),
    path("policy/current", api_sdk.CurrentPolicy.as_view()),
    path("regions/closest", api_sdk.ClosestRegion.as_view()),
    path("devices", api_sdk.Devices.as_view()),
    path("devices/<str:id>", api_sdk.OneDevice.as_view()),
    path("devices/<str:id>/notifications", api_sdk.OneDevice.as_view()),
    path("sessions", api_sdk.SdkSessions.as_view()),
    path("sessions/<str:id>", api_sdk.SdkOneSession.as_view()),
    path("sessions/<str:id>/recording", api_sdk.Recording.as_view()),
]
