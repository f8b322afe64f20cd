"""Somebody who signs, and with what."""

import pytest

from danji.signing import actions
from signing.enrolment import new_device, register, statement_of


@pytest.fixture
def statement(manager):
    return statement_of(manager)


@pytest.fixture
def device():
    """A device of the manager's, not enrolled yet."""
    return new_device()


@pytest.fixture
def agreed(manager, at):
    return actions.accept_method(actor=manager, at=at)


@pytest.fixture
def enrolled(device, manager, chief, agreed, at):
    """The manager's key, confirmed by the chief; the device signs with it."""
    key = register(device, manager, at)
    actions.confirm_key(key.id, actor=chief, at=at)
    return key
