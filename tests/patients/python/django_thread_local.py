"""Root cause: Django middleware that piles request data up in a thread-local."""

import os
import threading

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

LEAKING = os.environ.get("PATIENT_TWIN", "leaking") == "leaking"
store = threading.local()


class AuditRecord:
    def __init__(self, what):
        self.what = what


class AuditMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not hasattr(store, "records"):
            store.records = []
        if request.path == "/work":
            store.records.append(AuditRecord(request.path))
        response = self.get_response(request)
        if not LEAKING:
            store.records.clear()
        return response


def work(request):
    return JsonResponse({"audited": len(store.records) > 0}, status=201)


def browse(request, number):
    return JsonResponse({"id": number})


urlpatterns = [
    path("health", lambda request: HttpResponse("ok\n")),
    path("browse/<int:number>", browse),
    path("search", lambda request: JsonResponse({"found": []})),
    path("work", work),
]

settings.configure(
    SECRET_KEY="patient",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[__name__ + ".AuditMiddleware"],
    DEBUG=False,
)
django.setup()
app = get_wsgi_application()
