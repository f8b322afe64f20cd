"""Who may sit at the desk: by the office held today, looked up for every page."""

from datetime import date

from django.urls import reverse

from danji.accounts.models import Office, Officeholder, Person


def test_a_visitor_is_led_to_the_log_in_page_and_back(visitor):
    answer = visitor.get(reverse("desk:register"))
    assert answer.url == f"{reverse('account_login')}?next=/desk/records/"


def test_a_part_of_a_page_is_told_that_the_log_in_ended(visitor):
    answer = visitor.get(reverse("desk:home"), headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "로그인이 풀려서" in answer.content.decode()


def test_the_head_says_who_is_at_the_desk(manager, at_desk):
    page = at_desk(manager).get(reverse("desk:home")).content.decode()
    assert "들꽃마을아파트" in page
    assert "관리사무소장 <strong>박정호</strong>" in page


def test_the_pages_of_the_library_say_so_too(manager, at_desk):
    assert "박정호" in at_desk(manager).get(reverse("mfa_index")).content.decode()


def test_after_the_term_the_desk_is_closed(appointed, at_desk):
    former = appointed("박정호", "manager", until=date(2001, 1, 31))
    answer = at_desk(former).get(reverse("desk:home"))
    assert answer.status_code == 403
    assert "맡고 계신 직책이 없어" in answer.content.decode()


def test_the_one_office_is_taken_without_asking(manager, at_desk):
    desk = at_desk(manager)
    _forget_office(desk)
    assert desk.get(reverse("desk:home")).status_code == 200
    assert desk.client.session["officeholder"] == str(manager.id)


def test_of_several_offices_one_is_chosen(manager, complex_, at_desk):
    second = Officeholder.objects.create(
        complex=complex_, person=manager.person, office=Office.CLERK, since=date(2001, 3, 1)
    )
    desk = at_desk(manager)
    _forget_office(desk)
    answer = desk.get(reverse("desk:register"))
    assert answer.url == f"{reverse('desk:offices')}?next=%2Fdesk%2Frecords%2F"
    page = desk.get(answer.url).content.decode()
    assert "들꽃마을아파트 담당" in page
    answer = desk.post(
        reverse("desk:offices"), {"officeholder": str(second.id), "next": "/desk/records/"}
    )
    assert answer.url == "/desk/records/"
    assert "담당 <strong>" in desk.get(answer.url).content.decode()


def test_nobody_takes_an_office_of_another(manager, chief, at_desk):
    answer = at_desk(manager).post(reverse("desk:offices"), {"officeholder": str(chief.id)})
    assert answer.status_code == 409


def test_choosing_an_office_leads_to_our_own_pages_only(manager, at_desk):
    answer = at_desk(manager).post(
        reverse("desk:offices"),
        {"officeholder": str(manager.id), "next": "https://elsewhere.example/"},
    )
    assert answer.url == reverse("desk:home")


def test_the_first_page_shows_what_waits(submitted, chief, clerk, at_desk):
    mine = at_desk(chief).get(reverse("desk:home")).content.decode()
    assert "화단 정비" in mine
    assert "1,430,000원" in mine
    theirs = at_desk(clerk).get(reverse("desk:home") + "?box=ongoing").content.decode()
    assert "지금 과장 이민호 차례" in theirs


def test_the_first_page_shows_drafts(draft, clerk, at_desk):
    page = at_desk(clerk).get(reverse("desk:home") + "?box=drafts").content.decode()
    assert "화단 정비" in page


def test_the_first_page_asks_the_database_little(
    submitted, chief, at_desk, django_assert_max_num_queries
):
    desk = at_desk(chief)
    desk.get(reverse("desk:home"))
    # session, entering (in the test: a savepoint), office, who is stood in for, counts, the box,
    # what waits for a second officer, the own absence, and the test's own
    with django_assert_max_num_queries(11):
        desk.get(reverse("desk:home"))


def test_a_session_that_is_no_longer_good_leads_to_the_log_in_page(manager, at_desk):
    desk = at_desk(manager)
    session = desk.client.session
    session["_auth_user_hash"] = "0" * 64
    session.save()
    assert desk.get(reverse("desk:home")).url.startswith(reverse("account_login"))


def test_somebody_shut_out_sees_nothing(manager, at_desk):
    desk = at_desk(manager)
    Person.objects.filter(id=manager.person_id).update(is_active=False)
    assert desk.get(reverse("desk:home")).url.startswith(reverse("account_login"))


def _forget_office(desk):
    session = desk.client.session
    del session["complex"], session["officeholder"]
    session.save()
