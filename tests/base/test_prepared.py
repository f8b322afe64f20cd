"""A query made once answers as the queryset it was made of."""

from datetime import date

import pytest

from danji.accounts.models import Office, Officeholder
from danji.base.prepared import Prepared, settle


@pytest.mark.django_db
def test_it_answers_as_the_queryset_does(complex_, manager, chief):
    def ask(complex_id, office):
        return (
            Officeholder.objects.filter(complex_id=complex_id, office=office)
            .select_related("person")
            .order_by("since")
        )

    prepared = Prepared(ask, type(complex_.id), str)
    for office in (Office.MANAGER, Office.CHIEF, Office.AUDITOR):
        assert prepared(complex_.id, office.value) == list(ask(complex_.id, office))
    (found,) = prepared(complex_.id, "manager")
    assert found.person.name == manager.person.name


@pytest.mark.django_db
def test_a_value_is_never_part_of_the_sql(complex_, manager):
    prepared = Prepared(lambda name: Officeholder.objects.filter(person__name=name), str)
    assert prepared("' OR true --") == []
    assert prepared("%s") == []
    assert prepared(manager.person.name) == [manager]


def test_what_is_the_same_every_time_is_written_into_the_sql():
    mark = date(1, 1, 1)
    sql, left = settle("a = %s AND b = %s", ["100% 'x'", mark], [mark])
    assert sql == "a = '100%% ''x''' AND b = %s"
    assert left == [mark]
