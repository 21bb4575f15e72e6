"""What providers call."""

from django.urls import path

from delivery.callbacks import twilio_status

app_name = "delivery"
urlpatterns = [path("twilio/<uuid:uid>/status/", twilio_status, name="twilio-status")]
