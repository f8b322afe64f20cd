"""Taking in a new complex: its keys, its seal, and the first leaf of its log."""

from datetime import datetime

from django.db import transaction

from danji.base import tenancy
from danji.base.keys import has_key, keep_key, key_path, make_seal_key, read_key, seal_signer
from danji.complexes.models import Complex
from danji.renditions.seal import certify_seal
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
    """Take in a complex (단지) by its K-apt code. Keys left by an interrupted try are used.

    Raises: Refusal when the code is taken.
    """
    if Complex.objects.filter(code=code).exists():
        raise Refusal(
            f"단지코드 {code}는 이미 등록되어 있습니다.", next_step="단지코드를 확인해 주세요."
        )
    complex_ = Complex.objects.create(
        code=code, name=name, address=address, phone=phone, demonstration=demonstration
    )
    certificate = seal_of(complex_, at=at)
    with tenancy.within(complex_.id):
        open_log(complex_, seal_certificate=certificate, at=at)
    return complex_


def seal_of(complex_: Complex, *, at: datetime, name: str = "seal") -> bytes:
    """The certificate of a seal of the complex (DER); seal and key are made where there are none.

    Raises: Refusal when a key cannot be made or had.
    """
    code, certificate = complex_.code, f"{name}.crt"
    # The certificate is written last: where it is, the key belongs to it.
    if not key_path(code, certificate).exists():
        if not has_key(code, name):
            make_seal_key(code, name)
        made = certify_seal(seal_signer(code, name), complex_.name, code, at=at)
        keep_key(code, certificate, made)
    return read_key(code, certificate)
