"""What Twilio calls to say what became of a text message. No session, no form: the signature says who calls."""

import logging
import re
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from delivery.arrivals import arrived, lost
from delivery.gateways.twilio import MESSAGE, account, is_signed, words_for
from delivery.models import Delivery, Kind

logger = logging.getLogger(__name__)
ARRIVED = {"delivered", "read"}
LOST = {"undelivered", "failed", "canceled"}


@csrf_exempt
@require_POST
def twilio_status(request: HttpRequest, uid: UUID) -> HttpResponse:
    """204 for whatever Twilio says of a message that there is; 403 for anybody else, 404 for any other message."""
    known = account()
    if known is None:
        raise Http404
    # Never the Host header: whoever calls chooses it.
    url = settings.PUBLIC_URL + request.get_full_path()
    if not is_signed(url, request.POST, request.headers.get("X-Twilio-Signature", ""), account=known):
        logger.warning("a call about a text message was not signed by Twilio")
        return HttpResponse(status=403)
    sid, status = request.POST.get("MessageSid", ""), request.POST.get("MessageStatus", "")
    row = Delivery.objects.filter(uid=uid, kind=Kind.SMS).first()
    if row is None or not MESSAGE.fullmatch(sid):
        raise Http404
    if status in ARRIVED:
        arrived(row, provider_id=sid, now=timezone.now())
    elif status in LOST:
        code = request.POST.get("ErrorCode", "")
        number = int(code) if re.fullmatch(r"[0-9]{1,6}", code) else None
        lost(row, provider_id=sid, reason=words_for(f"says {status}", number), now=timezone.now())
    return HttpResponse(status=204)
