"""Proofs of a log of a million entries: made, verified, and the whole log read again, on one core.

Run: `python bench/proofs.py [entries]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from danji_verify.checkpoint import Checkpoint, cosign, log_key, sign_checkpoint, witness_key
from danji_verify.entry import FIELDS, Entry, Event, build_entry
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in, folder_reader
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Group, Party, Policy
from danji_verify.proof import Proof
from danji_verify.report import Verdict
from danji_verify.signature import check_assertion
from danji_verify.tiles import Edge, Prover, audit, grow, read_entry

ORIGIN = "danji.example/apt/A10000001/1"
SITE = "danji.example"
AT = datetime(2026, 11, 22, tzinfo=UTC)
AT_ONCE = 65_536  # entries, in building the log
RECENT = 50_000  # entries
DISTINCT = 500  # bundles verified in turn, so that nothing is remembered from the last


def main(entries: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root = build(place, entries)
        keys = [Ed25519PrivateKey.generate() for _ in range(3)]
        head, policy = signed_head(entries, root, keys)
        reader = folder_reader(place)
        prover = Prover(reader)

        def proof_of(index: int) -> bytes:
            path = tuple(prover.inclusion_proof(index, entries))
            return Proof(index, path, head).format()

        recent = rate(lambda: proof_of(random.randrange(max(0, entries - RECENT), entries)), 3)
        scattered = rate(lambda: proof_of(random.randrange(entries)), 3)
        given = bundles(reader, entries, proof_of)
        verified = rate(lambda: verify(*next(given), policy), 3)
        began = time.perf_counter()
        found = audit(entries, reader)
        audited = time.perf_counter() - began
        read = whole(place, head, policy)

    assert found == root
    print(f"proofs of a log of {entries:,} entries of {len(_SUBMITTED)} bytes in files, one core")
    print(f"  made, one of the last {RECENT:,}    {recent:9.0f} /s   (wanted: 10,000)")
    print(f"  made, any                       {scattered:9.0f} /s   (wanted: 1,000)")
    print(f"  verified: log, two witnesses,   {verified:9.0f} /s   (wanted: 1,500)")
    print("    path and a passkey's assertion")
    print(f"  audited, every entry and tile   {audited:9.1f} s    (wanted: 10 for a million)")
    print(f"  and every event and chain       {read:9.1f} s")
    print("the machine's own limits, same core")
    hashed, checked, curve = machine(keys[0])
    print(f"  SHA-256 of {len(_SUBMITTED)} bytes            {hashed:9.0f} /s")
    print(f"    all hashes of an audit        {2 * entries / hashed:9.1f} s")
    print(f"  Ed25519 signatures verified     {checked:9.0f} /s")
    most = 1 / (3 / checked + 1 / curve)
    print(f"  ECDSA P-256 signatures verified {curve:9.0f} /s")
    print(f"  three of one and one of other   {most:9.0f} /s   reached: {verified / most:.0%}")


def build(place: Path, entries: int) -> bytes:
    """Write the tiles of a log. Returns: its root."""
    edge = Edge()
    for start in range(0, entries, AT_ONCE):
        size = min(AT_ONCE, entries - start)
        growth = grow(edge, [entry(start + number) for number in range(size)])
        for name, data in growth.files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        edge = growth.edge
    return edge.root


def entry(number: int) -> bytes:
    """The event at that place: the opening of the log, then one document after another."""
    return _OPENED if number == 0 else _SUBMITTED.replace(_DOC, b"%032x" % (number + 1))


def _event(event: Event) -> bytes:
    empty = dict.fromkeys(FIELDS[event], bytes(32))
    document = "0" * 31 + "1"
    return build_entry(Entry(event, "A10000001", document, 1, None, AT, empty))


_DOC = b"0" * 31 + b"1"
_OPENED, _SUBMITTED = _event(Event.LOG_OPENED), _event(Event.SUBMITTED)


def signed_head(size: int, root: bytes, keys: list[Ed25519PrivateKey]) -> tuple[bytes, Policy]:
    """A head that the log and two witnesses signed, and the policy that asks for both."""
    log, *others = keys
    names = ("complex.example", "city.example")
    head = Checkpoint(ORIGIN, size, root)
    note = parse_note(sign_checkpoint(head, log))
    lines = [
        cosign(head, name=name, private_key=key, at=int(time.time()))
        for name, key in zip(names, others, strict=True)
    ]
    parties = {
        name.split(".")[0]: Party(witness_key(name, key))
        for name, key in zip(names, others, strict=True)
    }
    group = {"needed": Group(2, tuple(parties))}
    policy = Policy((Party(log_key(ORIGIN, log)),), parties, group, "needed")
    return format_note(note.text, (*note.signatures, *lines)), policy


def bundles(
    reader: Callable[[str], bytes], size: int, proof_of: Callable[[int], bytes]
) -> Iterator[tuple[bytes, bytes, dict[str, bytes]]]:
    """Entries with their proofs and an assertion over each, over and over."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    cose = bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y
    made = []
    for _ in range(DISTINCT):
        index = random.randrange(size)
        challenge = hashlib.sha256(index.to_bytes(8, "big")).digest()
        asked = urlsafe_b64encode(challenge).decode().rstrip("=")
        client = (
            f'{{"type":"webauthn.get","challenge":"{asked}","origin":"https://{SITE}"}}'.encode()
        )
        data = hashlib.sha256(SITE.encode()).digest() + b"\x05" + bytes(4)
        signed = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        assertion = {
            "challenge": challenge,
            "public_key": cose,
            "client_data": client,
            "authenticator_data": data,
            "signature": signed,
        }
        made.append((read_entry(index, size, reader), proof_of(index), assertion))
    while True:
        yield from made


def verify(data: bytes, proof: bytes, assertion: dict[str, bytes], policy: Policy) -> None:
    if not Proof.parse(proof).verify(data, policy).confirmed:
        raise RuntimeError("not confirmed")
    check_assertion(rp_id=SITE, origin=f"https://{SITE}", **assertion)


def whole(place: Path, head: bytes, policy: Policy) -> float:
    """Seconds that the verifier's check of a whole log takes, every event parsed and followed."""
    (place / "checkpoint").write_bytes(head)
    began = time.perf_counter()
    report = check_log(copy_in(folder_reader(place)), policy)
    if report.verdict is not Verdict.ACCEPTED:
        raise RuntimeError(report.as_text())
    return time.perf_counter() - began


def machine(key: Ed25519PrivateKey) -> tuple[float, float, float]:
    """SHA-256 of one entry, and verifications of Ed25519 and of ECDSA P-256, in a second."""
    data = bytes(len(_SUBMITTED))
    public, signature = key.public_key(), key.sign(data)
    curve = ec.generate_private_key(ec.SECP256R1())
    other, signed = curve.public_key(), curve.sign(data, ec.ECDSA(hashes.SHA256()))
    return (
        rate(lambda: hashlib.sha256(data).digest(), 1),
        rate(lambda: public.verify(signature, data), 1),
        rate(lambda: other.verify(signed, data, ec.ECDSA(hashes.SHA256())), 1),
    )


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often `work` is done in a second of processor time."""
    for _ in range(200):
        work()
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(50):
            work()
        done += 50
    return done / spent


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
