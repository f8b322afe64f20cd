import pytest

import made_document
from made_document import Document


@pytest.fixture(scope="session")
def document() -> Document:
    """The parts of one document; copy before damaging."""
    return made_document.make()


@pytest.fixture(scope="session")
def sealed() -> Document:
    """The same document as a sealed PDF with its proof."""
    return made_document.make(sealed=True)


@pytest.fixture(scope="session")
def witnessed() -> Document:
    """A sealed document whose heads two witnesses cosigned."""
    return made_document.make(sealed=True, cosigners=("complex", "city"))
