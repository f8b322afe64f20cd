"""What every way of sending has in common: a row of the queue goes in, a receipt comes out."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from danji.outbox.models import PendingDelivery

# Hands one message over. Returns the name that whoever took it gave it, or "".
Send = Callable[[PendingDelivery], str]
# What is opened for a few messages and closed again.
Sender = Callable[[], AbstractContextManager[Send]]


class Trouble(Exception):
    """A message was not handed over.

    Args: `reason` says why in Korean, and what whoever runs the office can do, without anything
    technical; `said` is what the other side said, which is for the log only.
    """

    def __init__(self, reason: str, said: object = "") -> None:
        super().__init__(reason)
        self.said = said


class Refused(Trouble):
    """The other side did not take this message and never will."""


class Gone(Refused):
    """The address is no more: nothing else needs to be sent there either."""


class Later(Trouble):
    """This message was not taken now; what becomes of the others is not known."""


class Away(Trouble):
    """The other side takes no message at all now."""
