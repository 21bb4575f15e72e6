"""The product's addresses, and one more: a REST view that does nothing."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.urls import handler400, handler403, handler404, handler500
from portal.urls import urlpatterns as product_urls

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Empty(APIView):
    """Nothing, by way of every middleware of the product and of the REST framework."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, _request: Request) -> Response:
        """An empty object."""
        return Response({})


urlpatterns = [*product_urls, path("bench/empty/", Empty.as_view())]
