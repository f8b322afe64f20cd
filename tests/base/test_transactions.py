"""One transaction belongs to one complex."""

import pytest

from danji.base import tenancy


@pytest.mark.django_db
def test_a_transaction_is_not_entered_by_two_complexes(complex_, neighbour):
    inner = tenancy.within(neighbour.complex_id)
    with tenancy.within(complex_.id), pytest.raises(RuntimeError, match="another"), inner:
        pass


@pytest.mark.django_db
def test_inside_itself_it_goes_on(complex_):
    with tenancy.within(complex_.id), tenancy.within(complex_.id):
        pass
