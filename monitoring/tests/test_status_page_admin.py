from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from monitoring.models import ShownWebsite, StatusGroup, StatusPage
from monitoring.models.status_page import GROUPS_MAX, SHOWN_MAX
from monitoring.status_page_admin import INLINE_MAX
from monitoring.tests.admin_pages import change_url, page, staff_client, website
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN
from monitoring.tests.status_pages import forgetful, show, status_page

__all__ = ["forgetful"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgetful")]

FORM = reverse("admin:monitoring_statuspage_change", args=[1])
LIST = reverse("admin:monitoring_shownwebsite_changelist")
ADD = reverse("admin:monitoring_shownwebsite_add")


def filled(groups: Any = (), websites: Any = (), **fields: Any) -> dict[str, Any]:
    """What a browser sends; rows with an `id` are there already."""
    values = {"is_public": "on", "title": "Our status", "introduction": "", "days": "90", **fields}
    for prefix, rows in (("groups", groups), ("websites", websites)):
        there = sum("id" in row for row in rows)
        values |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": there}
        for number, row in enumerate(rows):
            values |= {f"{prefix}-{number}-{name}": value for name, value in ({"page": 1, "position": 0} | row).items()}
    return values


def names_in_groups() -> dict[str, str | None]:
    return {row.name: row.group.name if row.group else None for row in ShownWebsite.objects.select_related("group")}


def test_the_list_leads_straight_to_the_form_which_says_that_the_page_is_off(admin_client: Client) -> None:
    response = admin_client.get(reverse("admin:monitoring_statuspage_changelist"))
    assert (response.status_code, response["Location"]) == (302, FORM)
    content = page(admin_client, FORM)
    assert "The status page is off" in content
    assert "View status page" not in content
    StatusPage.objects.update(is_public=True)
    content = page(admin_client, FORM)
    assert "The status page is on" in content
    assert 'href="/status"' in content
    assert "within 20 seconds" in content


def test_it_is_filled_in_and_switched_on_in_one_go(admin_client: Client) -> None:
    one, other, third = website(0), website(1), website(2)
    rows = [
        {"website": one.pk, "name": "Front", "group_name": "Shop", "position": 2},
        {"website": other.pk, "name": "Checkout", "group_name": "shop", "show_url": "on"},
        {"website": third.pk, "name": "Wiki", "group_name": ""},
    ]
    response = admin_client.post(FORM, filled(websites=rows, introduction="Hello."), follow=True)
    assert response.redirect_chain == [(FORM, 302)]
    assert "Everybody sees it as it is now within 20 seconds." in response.content.decode()
    assert names_in_groups() == {"Front": "Shop", "Checkout": "Shop", "Wiki": None}
    found = StatusPage.objects.get()
    assert (found.is_public, found.title, found.introduction, found.days) == (True, "Our status", "Hello.", 90)
    assert ShownWebsite.objects.get(show_url=True).website == other


def test_groups_are_renamed_deleted_and_changed_without_losing_websites(admin_client: Client) -> None:
    status_page()
    kept, gone = StatusGroup.objects.create(name="Shop"), StatusGroup.objects.create(name="Tools")
    one, other = show(website(0), "Front", group=kept), show(website(1), "Wiki", group=gone)
    groups = [
        {"id": kept.pk, "name": "Web shop", "position": 5},
        {"id": gone.pk, "name": "Tools", "DELETE": "on"},
    ]
    websites = [
        {"id": one.pk, "name": "Front", "group_name": "Shop"},
        {"id": other.pk, "name": "Our wiki", "group_name": "Tools"},
    ]
    assert admin_client.post(FORM, filled(groups, websites)).status_code == 302
    assert names_in_groups() == {"Front": "Web shop", "Our wiki": None}
    websites = [{"id": one.pk, "name": "Front", "group_name": "New"}, {"id": other.pk, "name": "x", "DELETE": "on"}]
    assert admin_client.post(FORM, filled(websites=websites)).status_code == 302
    assert names_in_groups() == {"Front": "New"}


def test_the_website_of_a_row_is_not_changed(admin_client: Client) -> None:
    status_page()
    one = show(website(0), "Front")
    rows = [{"id": one.pk, "name": "Front", "website": website(1).pk}]
    assert admin_client.post(FORM, filled(websites=rows)).status_code == 302
    assert ShownWebsite.objects.get().website_id == one.website_id


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": ""}, "required"),
        ({"title": "\u200b"}, "Leave out what does not print: \\u200b"),
        ({"days": "6"}, "greater than or equal to 7"),
        ({"days": "91"}, "less than or equal to 90"),
        ({"days": "many"}, "Enter a whole number"),
        ({"introduction": "x" * 2001}, "at most 2000 characters"),
        ({"websites": [{"website": "1", "name": ""}]}, "required"),
        ({"websites": [{"website": "1", "name": " \u00a0"}]}, "required"),
        ({"websites": [{"website": "1", "name": "a\u202eb"}]}, "Leave out what does not print: a\\u202eb"),
        ({"websites": [{"website": "", "name": "Front"}]}, "required"),
        ({"websites": [{"website": "99", "name": "Front"}]}, "Select a valid choice"),
        ({"websites": [{"website": "2", "name": "Front"}]}, "on the status page already"),
        ({"websites": [{"website": "1", "name": "a"}, {"website": "1", "name": "b"}]}, "correct the duplicate"),
        ({"websites": [{"website": "1", "name": "a", "group_name": "g" * 101}]}, "at most 100 characters"),
        ({"websites": [{"website": "1", "name": "a", "position": "-1"}]}, "greater than or equal to 0"),
        ({"groups": [{"name": "Taken"}]}, "with this name exists already"),
        ({"groups": [{"name": "x"}, {"name": "x"}]}, "correct the duplicate"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_saved(admin_client: Client, fields: dict[str, Any], words: str) -> None:
    status_page(title="Before")
    StatusGroup.objects.create(name="Taken")
    website(0, pk=1)
    show(website(1, pk=2), "There")
    response = admin_client.post(FORM, filled(**fields))
    assert response.status_code == 200
    assert words in response.content.decode().replace("&#x27;", "'")
    assert StatusPage.objects.get().title == "Before"
    assert names_in_groups() == {"There": None}
    assert StatusGroup.objects.count() == 1


def test_a_new_group_with_bad_characters_in_its_name_is_refused(admin_client: Client) -> None:
    row = {"website": website(0).pk, "name": "Front", "group_name": "a\u202eb"}
    response = admin_client.post(FORM, filled(websites=[row]))
    assert response.status_code == 200
    assert not StatusGroup.objects.exists()


def test_there_are_only_so_many_groups_and_websites(admin_client: Client) -> None:
    status_page()
    StatusGroup.objects.bulk_create(StatusGroup(name=str(number)) for number in range(GROUPS_MAX))
    row = {"website": website(0).pk, "name": "Front", "group_name": "one more"}
    response = admin_client.post(FORM, filled(websites=[row]))
    assert f"at most {GROUPS_MAX} groups" in response.content.decode()
    of = website(1)
    ShownWebsite.objects.bulk_create(
        ShownWebsite(website=website(number), name=str(number)) for number in range(2, 2 + SHOWN_MAX)
    )
    with pytest.raises(ValidationError, match=f"at most {SHOWN_MAX} websites"):
        ShownWebsite(website=of, name="one more").full_clean()


def test_many_websites_are_changed_in_a_list(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    status_page()
    for number in range(INLINE_MAX):
        show(website(number), f"System {number}", group=StatusGroup.objects.get_or_create(name="Shop")[0])
    with django_assert_max_num_queries(20):
        content = page(admin_client, FORM)
    # Fewer fields than a request may have.
    assert content.count(" name=") < 900
    show(website(INLINE_MAX), "one more")
    content = page(admin_client, FORM)
    assert f"The page shows {INLINE_MAX + 1} websites" in content
    assert "System 0" not in content
    # What the form does not show stays.
    assert admin_client.post(FORM, filled()).status_code == 302
    assert ShownWebsite.objects.count() == INLINE_MAX + 1
    with django_assert_max_num_queries(12):
        content = page(admin_client, LIST)
    assert "System 0" in content


def test_a_website_is_added_to_the_list_before_there_is_a_page(admin_client: Client) -> None:
    values = {"website": website(0).pk, "name": "Front", "position": 0}
    assert admin_client.post(ADD, values).status_code == 302
    assert names_in_groups() == {"Front": None}
    assert not StatusPage.objects.get().is_public


def test_hostile_names_are_only_text(admin_client: Client) -> None:
    status_page()
    show(website(0), HOSTILE, group=StatusGroup.objects.create(name=HOSTILE))
    assert page(admin_client, LIST).count(HOSTILE_SHOWN) >= 2
    assert "<script>alert" not in page(admin_client, FORM)


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_only_administrators_see_and_change_the_page(role: str) -> None:
    status_page()
    one = show(website(0), "Front")
    client = staff_client(role)
    for url in (FORM, LIST, ADD, change_url(one)):
        assert client.get(url).status_code == (200 if role == "admin" else 403)
    assert client.post(FORM, filled(title="Changed")).status_code == (302 if role == "admin" else 403)
    assert StatusPage.objects.get().title == ("Changed" if role == "admin" else "Our status")


def test_nobody_adds_a_second_page_or_deletes_the_one(admin_client: Client) -> None:
    status_page()
    assert admin_client.get(reverse("admin:monitoring_statuspage_add")).status_code == 403
    assert admin_client.post(reverse("admin:monitoring_statuspage_delete", args=[1])).status_code == 403
    assert admin_client.get(reverse("admin:monitoring_statuspage_change", args=[2])).status_code == 302


def test_whoever_may_only_look_sees_what_is_chosen() -> None:
    status_page(title="Our title")
    show(website(0), "Front", group=StatusGroup.objects.create(name="Shop"))
    user = User.objects.create_user("looker", is_staff=True)
    names = ("view_statuspage", "view_statusgroup", "view_shownwebsite")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    content = page(client, FORM)
    for shown in ("Our title", "Front", "Shop"):
        assert shown in content
    assert client.post(FORM, filled(title="forged")).status_code == 403
    assert page(client, LIST)
