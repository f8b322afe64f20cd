"""Forgetting what is not needed any more."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from danji.base import tenancy
from danji.signing.models import RelayResponse

KEPT = timedelta(days=7)


def forget_responses(complex_id: UUID) -> int:
    """Delete what a relay told of a person (CI, birthday, telephone) once a week has passed.

    The signature itself stays with the decision. Returns: how many.
    Source: 개인정보 보호법 제21조.
    """
    with tenancy.within(complex_id):
        old = RelayResponse.objects.within(complex_id).filter(received_at__lt=timezone.now() - KEPT)
        forgotten, _ = old.delete()
    return forgotten
