"""What can be wrong with something that was handed to us. All of it is the input's fault."""


class VerifyError(ValueError):
    """Something handed in does not hold; the message says what, for an engineer."""


class FormatError(VerifyError):
    """Bytes that are not what their format says, byte for byte."""


class ProofError(VerifyError):
    """A Merkle proof that does not lead to the root it should."""


class NoteError(VerifyError):
    """A signed note that is malformed, or not signed by anyone known."""


class WeakKey(NoteError):
    """A key for which anybody can make signatures that hold."""


class Wrong(VerifyError):
    """What does not hold, as a sentence for the reader (Korean)."""


class Unlisted(NoteError, Wrong):
    """A head of a log that the policy does not name: it says nothing about it, good or bad."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"이 정책에는 이 장부({origin})가 없습니다. 그 단지의 정책을 받아 다시 확인해 주세요."
        )


class Unreadable(Wrong):
    """A file that cannot be judged at all."""
