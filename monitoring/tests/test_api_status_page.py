from typing import Any

import pytest

from monitoring.models import ShownWebsite, StatusGroup, StatusPage
from monitoring.models.status_page import GROUPS_MAX, SHOWN_MAX
from monitoring.tests.admin_pages import website
from monitoring.tests.status_pages import forgetful, show, status_page
from websites.tests.people import send, signed_in

__all__ = ["forgetful"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgetful")]

PATH = "/status-page"


def shown(website_id: int, name: str, **fields: Any) -> dict[str, Any]:
    return {"website_id": website_id, "name": name, "show_url": False, **fields}


def test_it_is_off_and_empty_before_anybody_touched_it() -> None:
    answer = signed_in("admin").get(PATH)
    assert answer.status_code == 200
    assert answer.json() == {
        "is_public": False,
        "title": "Status",
        "introduction": "",
        "days": 90,
        "groups": [],
        "changed_at": None,
    }
    assert not StatusPage.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_written_is_read_again_in_its_order(method: str) -> None:
    for number in range(4):
        website(number, pk=number + 1)
    client = signed_in("admin")
    groups = [
        {"name": "", "websites": [shown(4, "Mail")]},
        {"name": "Shop", "websites": [shown(3, "Front", show_url=True), shown(1, "Checkout")]},
        {"name": "Empty", "websites": []},
    ]
    body = {"is_public": True, "title": "Ours", "introduction": "Hello.", "days": 30, "groups": groups}
    answer = send(client, method, PATH, body)
    assert answer.status_code == 200
    for found in (answer.json(), client.get(PATH + "/").json()):
        assert {name: found[name] for name in body} == body
    # Sent back as it was read.
    assert send(client, method, PATH, answer.json()).status_code == 200
    assert send(client, method, PATH, {"title": "Other"}).json()["groups"] == groups
    assert send(client, method, PATH, {"groups": groups[:1]}).json()["groups"] == groups[:1]
    assert (StatusGroup.objects.count(), ShownWebsite.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"titel": "x"}, "titel", 'Did you mean "title"?'),
        ({"title": ""}, "title", "may not be blank"),
        ({"title": "a\u202eb"}, "title", "Leave out what does not print"),
        ({"days": 91}, "days", "less than or equal to 90"),
        ({"is_public": "maybe"}, "is_public", "valid boolean"),
        ({"groups": None}, "groups", "may not be null"),
        ({"groups": "x"}, "groups", "Expected a list"),
        ({"groups": [1]}, "groups", "Expected a dictionary"),
        ({"groups": [{"name": "x"}]}, "groups", "[0].websites: This field is required."),
        ({"groups": [{"name": "\u200b", "websites": []}]}, "groups", "Leave out what does not print"),
        ({"groups": [{"name": "x", "websites": [], "order": 1}]}, "groups", "There is no such field"),
        ({"groups": [{"name": "x", "websites": [{"website_id": 1}]}]}, "groups", "[0].websites[0].name: This field"),
        ({"groups": [{"name": "x", "websites": [shown(1, " ")]}]}, "groups", "may not be blank"),
        ({"groups": [{"name": "x", "websites": [shown(99, "a")]}]}, "groups", "no website with the id 99"),
        ({"groups": [{"name": "x", "websites": [shown(2**64, "a")]}]}, "groups", "less than or equal"),
        ({"groups": [{"name": "x", "websites": [shown(1, "a"), shown(1, "b")]}]}, "groups", "each website once"),
        ({"groups": [{"name": "x", "websites": []}, {"name": "X", "websites": []}]}, "groups", "each group once"),
        ({"groups": [{"name": str(n), "websites": []} for n in range(GROUPS_MAX + 2)]}, "groups", "no more than"),
        (
            {
                "groups": [
                    {"name": str(n), "websites": [shown(n * SHOWN_MAX + i + 1, "a") for i in range(SHOWN_MAX)]}
                    for n in range(2)
                ]
            },
            "groups",
            f"at most {SHOWN_MAX} websites",
        ),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_is_changed(
    body: dict[str, Any], field: str, words: str
) -> None:
    status_page(title="Before")
    show(website(0, pk=1), "Front", group=StatusGroup.objects.create(name="Shop"))
    answer = send(signed_in("admin"), "put", PATH, body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert words in answer.json()[field][0]
    assert StatusPage.objects.get().title == "Before"
    assert ShownWebsite.objects.get().group == StatusGroup.objects.get()


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("admin", 200)])
def test_only_administrators_read_and_change_it(role: str, status: int) -> None:
    client = signed_in(role)
    assert client.get(PATH).status_code == status
    assert send(client, "patch", PATH, {"is_public": True}).status_code == status
    assert StatusPage.objects.filter(is_public=True).exists() is (status == 200)


def test_there_is_nothing_to_add_or_delete() -> None:
    client = signed_in("admin")
    for method in ("post", "delete"):
        assert send(client, method, PATH, {}).status_code == 405
    assert client.options(PATH).status_code == 200


def test_a_form_changes_what_it_has() -> None:
    status_page()
    show(website(0), "Front")
    answer = send(signed_in("admin"), "put", PATH, {"title": "Ours"}, "multipart")
    assert (answer.status_code, answer.json()["title"]) == (200, "Ours")
    assert ShownWebsite.objects.exists()
