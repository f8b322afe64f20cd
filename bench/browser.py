"""verify.html in Chromium: documents, bundles and a whole log checked, offline, from a file.

Run: `python bench/browser.py [entries]`. Prints figures and asserts nothing. Beside them is what
the same browser does at best in the same run: one Ed25519 verification, and SHA-256.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import zipfile
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from render import render, two_pages

import danji_verify

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "verifier/tests"))

import made_bundle  # noqa: E402
import made_document as made  # noqa: E402
from danji_verify.checkpoint import Checkpoint, cosign, sign_checkpoint  # noqa: E402
from danji_verify.entry import Entry, Event, build_entry  # noqa: E402
from danji_verify.note import format_note, parse_note  # noqa: E402
from danji_verify.tiles import Edge, grow  # noqa: E402

PAGE = Path(danji_verify.__file__).with_name("verify.html")
POLICY = made.policy(witnesses=True)
TIMES = 30
LIMITS = """async ([key, message, signature, seconds]) => {
  const bytes = (coded) => Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const known = await crypto.subtle.importKey("raw", bytes(key), "Ed25519", false, ["verify"]);
  const over = bytes(message), signed = bytes(signature);
  const block = new Uint8Array(2 ** 20), entry = new Uint8Array(400);
  const rate = async (work) => {
    const begun = performance.now();
    let done = 0;
    while (performance.now() - begun < seconds * 1000) { await work(); done += 1; }
    return done / (performance.now() - begun) * 1000;
  };
  return {
    verify: await rate(() => crypto.subtle.verify("Ed25519", known, signed, over)),
    large: await rate(() => crypto.subtle.digest("SHA-256", block)),
    small: await rate(() => crypto.subtle.digest("SHA-256", entry)),
    own: await rate(() => { for (let n = 0; n < 1000; n += 1) sha256(entry); }) * 1000,
  };
}"""


def main(entries: int) -> None:
    document = official()
    files = {
        "document.pdf": document.pdf,
        "document.pdf.tlog-proof": document.proof,
    }
    bundle = {"bundle.zip": made_bundle.packed(made_bundle.stamped(document))}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        log = Path(folder) / "log.zip"
        write_log(log, entries)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(PAGE.as_uri())
        print(f"{browser.browser_type.name} {browser.version}, load {os.getloadavg()[0]:.1f}")
        limits = page.evaluate(LIMITS, [*signed(), 1])
        print("what the browser does at best")
        print(f"  one Ed25519 verification        {1000 / limits['verify']:8.2f} ms")
        print(f"  SHA-256 of 1 MiB                {1000 / limits['large']:8.2f} ms")
        print(f"  SHA-256 of 400 bytes, WebCrypto {limits['small']:8.0f} /s")
        print(f"  SHA-256 of 400 bytes, the page  {limits['own']:8.0f} /s")
        print(f"sealed PDF of {len(document.pdf):,} bytes, its proof and a policy")
        print(f"  {told([checked(page, files) for _ in range(TIMES)])}")
        print("the proof bundle of the same document")
        print(f"  {told([checked(page, bundle) for _ in range(TIMES)])}")
        print(f"a whole log of {entries:,} entries, ZIP of {log.stat().st_size:,} bytes")
        print(f"  {told([checked(page, log) for _ in range(3)])}")
        browser.close()


def official() -> made.Document:
    """An official document of two pages, decided and sealed, cosigned by two witnesses."""
    pages = render(two_pages(1)[0], attachments=[])
    made.page = lambda: pages
    return made.make(sealed=True, cosigners=("complex", "city"))


def write_log(place: Path, count: int) -> None:
    def entry(event: Event, document: int, *fields: str) -> bytes:
        commitments = dict.fromkeys(fields, bytes(32))
        return build_entry(
            Entry(event, made.CODE, f"{document:032x}", 1, None, made.at(-60), commitments)
        )

    entries = [entry(Event.LOG_OPENED, 1, "complex", "seal")]
    entries += [
        entry(Event.SUBMITTED, 100 + number, "body", "form", "actor") for number in range(count - 1)
    ]
    growth = grow(Edge(), entries)
    head = Checkpoint(made.ORIGIN, count, growth.root)
    note = parse_note(sign_checkpoint(head, made.LOG_KEY))
    lines = [
        cosign(head, name=f"{name}.example", private_key=key, at=made.COSIGNED_AT)
        for name, key in made.WITNESS_KEYS.items()
    ]
    signed_head = format_note(note.text, (*note.signatures, *lines))
    files = growth.files | {"checkpoint": signed_head, "confirmed": signed_head}
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def signed() -> list[str]:
    """A key, a message of a checkpoint's length, and its signature."""
    message = bytes(200)
    parts = made.LOG_KEY.public_key().public_bytes_raw(), message, made.LOG_KEY.sign(message)
    return [b64encode(part).decode() for part in parts]


def checked(page: Page, files: dict[str, bytes] | Path) -> float:
    """Milliseconds of one check, from the bytes at hand to the verdict."""
    handed = (
        files
        if isinstance(files, Path)
        else [
            {"name": name, "mimeType": "application/octet-stream", "buffer": data}
            for name, data in files.items()
        ]
    )
    page.evaluate("localStorage.clear()")
    page.set_input_files("#files", handed)
    page.fill("#policy", POLICY.format().decode())
    page.click("#check")
    page.wait_for_selector("#verdict[data-state]")
    if "믿지" in page.inner_text("#verdict"):
        raise RuntimeError(page.inner_text("#result"))
    return float(page.get_attribute("#result", "data-milliseconds") or "nan")


def told(times: list[float]) -> str:
    first, rest = times[0], sorted(times[1:])
    return (
        f"the first {first:.0f} ms, then {statistics.median(rest):.1f} ms (median of {len(rest)}, "
        f"{rest[0]:.1f} to {rest[-1]:.1f})"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
