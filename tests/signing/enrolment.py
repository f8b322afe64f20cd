"""Statements to sign, and devices enrolled as people enrol them."""

from django.conf import settings

from danji.signing import actions, passkeys
from danji_verify.canonical import canonical
from signing.authenticator import SoftPasskey


def new_device(algorithm=-7):
    """A device with a passkey of this site."""
    return SoftPasskey("localhost", settings.SITE_URL, algorithm)


def register(device, holder, at, name="내 전화"):
    """Ask that a device become the holder's signing key; it still has to be confirmed."""
    options, state = passkeys.registration_options(holder)
    response = device.registration(passkeys.unwebsafe(options["publicKey"]["challenge"]))
    return actions.request_key(state, response, name=name, actor=holder, at=at)


def enrol(holder, officer, at):
    """A device with which the holder signs: agreed to, registered, confirmed by the officer."""
    device = new_device()
    actions.accept_method(actor=holder, at=at)
    actions.confirm_key(register(device, holder, at).id, actor=officer, at=at)
    return device


def statement_of(holder, **changed):
    """An approval statement as somebody would sign it; of it only some keys matter here."""
    return canonical(
        {
            "v": 2,
            "complex": "A10000001",
            "doc": "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
            "seq": 2,
            "title": "배수펌프 교체",
            "amount": 1430000,
            "payee": "",
            "act": "approve",
            "decision": "approve",
            "body": "e3" * 32,
            "opinion": "",
            "name": holder.person.name,
            "office": holder.get_office_display(),
            "at": "2026-11-22T09:00:00Z",
        }
        | changed
    )
