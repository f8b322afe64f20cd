import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from danji.renditions.pdf import Embedded, Labels, OfficialDocument, render
from danji.renditions.seal import SealKey, certify_seal

INPUTS = Path(__file__).parent / "inputs"

Draw = Callable[..., OfficialDocument]


@pytest.fixture(scope="session")
def document() -> Draw:
    """An official document of one of the four kinds; what is given replaces what it has."""

    def draw(kind: str = "memo", *, title: str | None = None, **changes: Any) -> OfficialDocument:
        given = json.loads((INPUTS / f"{kind}.json").read_text())
        if title is not None:
            given["record"]["content"]["title"] = title
        address = f"https://danji.example/A10000001/{given['record']['content']['doc']}/"
        return OfficialDocument(
            record=changes.get("record", given["record"]),
            blocks=changes.get("blocks", given["blocks"]),
            complex_name="들꽃마을아파트",
            qr_text=address,
            proof_url=address,
            signed=changes.get("signed", {}),
            labels=Labels(**given["labels"] | changes.get("labels", {})),
        )

    return draw


@pytest.fixture(scope="session")
def files() -> list[Embedded]:
    return [
        Embedded("record.json", "application/json", b'{"v":1}', "이 문서의 기록", "source"),
        Embedded("leaf-2.tlog-proof", "text/plain", b"c2sp.org/tlog-proof@v1\n", "증명", "data"),
        Embedded("붙임1-견적서.pdf", "application/pdf", b"%PDF-1.4\n" * 2000, "붙임", "supplement"),
    ]


@pytest.fixture(scope="session")
def sealed_at() -> datetime:
    return datetime(2026, 11, 22, 0, 6, tzinfo=UTC)


@pytest.fixture(scope="session")
def complex_seal(sealed_at: datetime) -> tuple[rsa.RSAPrivateKey, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return key, certify_seal(key, "들꽃마을아파트", "A10000001", at=sealed_at)


@pytest.fixture(scope="session")
def seal_key(complex_seal: tuple[rsa.RSAPrivateKey, bytes]) -> SealKey:
    return SealKey.load(*complex_seal)


@pytest.fixture(scope="session")
def rendered(document: Draw, files: list[Embedded]) -> bytes:
    return render(document("expense"), attachments=files)
