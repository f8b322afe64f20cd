"""What was told to whom, and on which devices a person is told. Views call actions."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.outbox.actions import end_subscription, resend_message, subscribe_device
from danji.outbox.models import Message, PushSubscription
from danji.outbox.queries import check_operator, device_of, message_told
from danji.rules.refusal import Refusal
from danji.web.desk.access import DeskRequest, officer_required, posted
from danji.web.faults import refused
from danji.web.outbox import pages


@require_safe
@officer_required
def told(request: DeskRequest) -> HttpResponse:
    """What was told to whom, for whoever runs the office."""
    try:
        check_operator(request.officeholder)
    except Refusal as refusal:
        return refused(request, refusal, status=403)
    shown, number = request.GET.get("shown", ""), request.GET.get("page")
    return render(request, "outbox/told.html", pages.told(request.officeholder, shown, number))


@officer_required
def again(request: DeskRequest, message_id: UUID) -> HttpResponse:
    """Tell somebody again what they were told; whoever comes otherwise sees the list."""
    try:
        if request.method != "POST":
            message_told(request.officeholder, message_id)
            return redirect("outbox:told")
        resend_message(message_id, actor=request.officeholder, at=timezone.now())
    except Message.DoesNotExist as missing:
        raise Http404(str(missing)) from missing
    messages.success(request, "다시 보냅니다. 어떻게 되었는지는 맨 위에서 보실 수 있습니다.")
    return redirect("outbox:told")


@require_safe
@officer_required
def notifications(request: DeskRequest) -> HttpResponse:
    """How the person at the desk is told."""
    return render(request, "outbox/notifications.html", pages.notifications(request.officeholder))


@posted(back="outbox:notifications")
@officer_required
def devices(request: DeskRequest) -> HttpResponse:
    """Subscribe the browser at hand; asked by a script, and answered to it."""
    try:
        subscription = subscribe_device(
            request.POST.get("endpoint", ""),
            public_key=request.POST.get("public_key", ""),
            auth=request.POST.get("auth", ""),
            device=pages.device_name(request.headers.get("User-Agent", "")),
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return JsonResponse({"fact": refusal.fact, "next_step": refusal.next_step}, status=409)
    return JsonResponse({"device": subscription.device})


@officer_required
def end(request: DeskRequest, device_id: UUID) -> HttpResponse:
    """Tell a device no more; whoever comes otherwise sees the list."""
    try:
        if request.method != "POST":
            device_of(request.officeholder, device_id)
            return redirect("outbox:notifications")
        end_subscription(device_id, actor=request.officeholder, at=timezone.now())
    except PushSubscription.DoesNotExist as missing:
        raise Http404(str(missing)) from missing
    messages.success(request, "그 기기로는 이제 알리지 않습니다.")
    return redirect("outbox:notifications")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that shows notifications while no page is open. Its scope is the whole site."""
    return render(request, "outbox/service-worker.js", content_type="text/javascript")
