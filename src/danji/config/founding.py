"""Taking in a new complex: its keys, its seal, and the first leaf of its log."""

from datetime import datetime

from django.db import transaction

from danji.base import tenancy
from danji.base.keys import keep_key
from danji.complexes.models import Complex
from danji.renditions.seal import create_seal
from danji.rules.refusal import Refusal
from danji.transparency.actions import open_log


@transaction.atomic
def found_complex(
    *,
    code: str,
    name: str,
    address: str,
    phone: str = "",
    demonstration: bool = False,
    at: datetime,
) -> Complex:
    """Take in a complex (단지) by its K-apt code.

    Raises: Refusal when the code is taken.
    """
    if Complex.objects.filter(code=code).exists():
        raise Refusal(
            f"단지코드 {code}는 이미 등록되어 있습니다.", next_step="단지코드를 확인해 주세요."
        )
    complex_ = Complex.objects.create(
        code=code, name=name, address=address, phone=phone, demonstration=demonstration
    )
    pem, certificate = create_seal(name, code, at=at)
    keep_key(code, "seal.pem", pem)
    keep_key(code, "seal.crt", certificate)
    with tenancy.within(complex_.id):
        open_log(complex_, seal_certificate=certificate, at=at)
    return complex_
