"""Saying no to a person: what is so, and what can be done now."""

import re


class Refusal(Exception):
    """A rule said no. Both sentences are shown to the person, in Korean, as they stand.

    Args: `fact` says what is so; `next_step` says what the person can do now.
    """

    def __init__(self, fact: str, *, next_step: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.fact} {self.next_step}"

    @property
    def unnamed(self) -> str:
        """The same for a log, which outlives what is erased: without the names it quotes."""
        return re.sub("‘[^’]*’", "‘…’", str(self))
