"""Official PDFs rendered and sealed on one core, beside what the machine could sign and hash.

Run: `python bench/render.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from danji.renditions.pdf import Embedded, Labels, OfficialDocument, render
from danji.renditions.seal import SealKey, certify_seal, seal

ROOT = Path(__file__).parent.parent
AT = datetime(2026, 11, 22, tzinfo=UTC)
QUOTATION = hashlib.shake_256(b"quotation").digest(100_000)  # bytes that do not compress


def two_pages(number: int) -> tuple[OfficialDocument, list[Embedded]]:
    """A fee notice of two pages with fourteen files inside; no two are alike."""
    given = json.loads((ROOT / "tests/renditions/inputs/fee-notice.json").read_text())
    record = copy.deepcopy(given["record"])
    record["content"]["title"] = f"{record['content']['title']} {number}"
    for block in given["blocks"]:
        for row in block.get("rows", ()):
            row[1:6] = [cell and cell + number for cell in row[1:6]]
    address = f"https://danji.example/A10000001/{record['content']['doc']}/"
    files = [
        Embedded("record.json", "application/json", json.dumps(record).encode(), "기록", "source"),
        Embedded("붙임1-견적서.pdf", "application/pdf", QUOTATION, "붙임", "supplement"),
    ]
    for step in range(6):
        entry = hashlib.shake_256(b"%d %d" % (number, step)).hexdigest(500).encode()
        files += [
            Embedded(f"leaf-{step}.json", "application/json", entry, "결재 과정", "data"),
            Embedded(f"leaf-{step}.tlog-proof", "text/plain", entry, "증명", "data"),
        ]
    document = OfficialDocument(
        record, given["blocks"], "들꽃마을아파트", address, address, {}, Labels(**given["labels"])
    )
    return document, files


def rate(work: Callable[[int], Any], seconds: float) -> float:
    """How often `work` is done in a second of processor time."""
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        work(done)
        done += 1
    return done / spent


def main(seconds: float) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    own = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    key = SealKey.load(own, certify_seal(own, "들꽃마을아파트", "A10000001", at=AT))

    def rendered(number: int) -> bytes:
        document, files = two_pages(number)
        return render(document, attachments=files)

    began = time.perf_counter()
    pdf = rendered(-1)
    first = time.perf_counter() - began
    block = bytes(2**20)
    signs = rate(lambda _: key.key.sign(b"", padding.PKCS1v15(), hashes.SHA256()), seconds / 4)
    hashed = rate(lambda _: hashlib.sha256(block).digest(), seconds / 4)
    renders = rate(rendered, seconds)
    seals = rate(lambda _: seal(pdf, key, AT), seconds)
    both = rate(lambda number: seal(rendered(number + 1_000_000), key, AT), seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = len(seal(pdf, key, AT).pdf)

    print("official PDF: 2 pages, 14 files inside (one of 100 kB), one core")
    print(f"  first after the start          {first * 1000:8.0f} ms")
    print(f"  rendered                       {renders:8.1f} /s")
    print(f"  sealed                         {seals:8.1f} /s")
    print(f"  rendered and sealed            {both:8.1f} /s   (wanted: 8)")
    print(f"  size, most memory              {size / 1000:8.0f} kB, {peak:.0f} MB")
    print("the machine's own limits, same core")
    print(f"  RSA-3072 signatures            {signs:8.1f} /s   sealing reaches {seals / signs:.0%}")
    print(
        f"  SHA-256                        {hashed:8.0f} MiB/s"
        f"   one file takes {size / 2**20 / hashed * both:.2%} of the time"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
