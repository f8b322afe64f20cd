"""Why a witness does not do something. The message is a sentence for whoever runs it (Korean)."""


class Refused(Exception):
    """Something is not done, and will not be done until a person has changed something."""


class Trouble(Exception):
    """Something could not be done now; it is tried again."""


class Halted(Trouble):
    """This log is cosigned no more: the witness has forgotten something that it signed."""


class Busy(Trouble):
    """Others are at it just now; nothing is wrong."""


class TooSlow(Trouble):
    """Reading a log took longer than one visit may."""


class ClockAhead(Trouble):
    """The clock went ahead by more than the time that has passed."""


class ClockBehind(Trouble):
    """The clock shows a time before the last cosignature."""


class Conflict(Exception):
    """Somebody goes on from another size than the one cosigned last."""

    def __init__(self, size: int) -> None:
        super().__init__(f"last cosigned size: {size}")
        self.size = size  # leaves, 0 when nothing was cosigned yet


class Inconsistent(Exception):
    """A head that does not continue the one cosigned last."""
