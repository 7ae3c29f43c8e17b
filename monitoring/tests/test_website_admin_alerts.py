"""A website's tags and alert options in the admin."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from monitoring.tests.admin_pages import WEBSITES, change_url, filled, page, staff_client, website
from websites.admin import TAGS_OFFERED
from websites.models import Website

pytestmark = [pytest.mark.django_db, pytest.mark.once]

ADD = reverse("admin:websites_website_add")
URL = "https://www0.example.org/"
NO_REGEX = "There is no regex that could extract a value."


def form(**fields: Any) -> dict[str, Any]:
    return filled(website_url=URL, monitoring_interval="60", **fields)


def test_an_untouched_form_has_the_defaults(admin_client: Client) -> None:
    shown = admin_client.get(ADD).context["adminform"].form
    counts = ("failures_before_down", "successes_before_up", "slow_checks")
    assert [shown[name].value() for name in counts] == [2, 1, 3]
    assert admin_client.post(ADD, form()).status_code == 302
    made = Website.objects.get()
    assert (made.tags, made.failures_before_down, made.successes_before_up, made.slow_checks) == ("", 2, 1, 3)
    assert (made.slow_threshold, made.value_min, made.value_max) == (None, None, None)
    assert (made.alert_on_value_change, made.alert_on_value_missing) == (False, False)


def test_every_option_is_saved(admin_client: Client) -> None:
    sent = form(
        tags=" Shop, prod,,shop",
        regex=r"(\d+)",
        failures_before_down="3",
        successes_before_up="4",
        slow_threshold="1.5",
        slow_checks="10",
        alert_on_value_change="on",
        alert_on_value_missing="on",
        value_min="-1.5",
        value_max="0",
    )
    assert admin_client.post(ADD, sent).status_code == 302
    made = Website.objects.get()
    assert (made.tags, made.failures_before_down, made.successes_before_up) == (",shop,prod,", 3, 4)
    assert (made.slow_threshold, made.slow_checks, made.value_min, made.value_max) == (1.5, 10, -1.5, 0.0)
    assert made.alert_on_value_change
    assert made.alert_on_value_missing


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"tags": "a\x1bb"}, "tags", "A tag has no characters that do not print."),
        ({"tags": "a\0b"}, "tags", "Null characters are not allowed."),
        ({"tags": "x" * 51}, "tags", "A tag has at most 50 characters."),
        ({"tags": ",".join(map(str, range(21)))}, "tags", "A website has at most 20 tags."),
        *(
            ({field: value}, field, words)
            for field in ("failures_before_down", "successes_before_up", "slow_checks")
            for value, words in (
                ("0", "greater than or equal to 1."),
                ("-1", "greater than or equal to 1."),
                ("11", "less than or equal to 10."),
                ("1.5", "Enter a whole number."),
                ("", "This field is required."),
            )
        ),
        ({"slow_threshold": "0"}, "slow_threshold", "The threshold must be from 0.001 to 60 seconds."),
        ({"slow_threshold": "inf"}, "slow_threshold", "Enter a number."),
        ({"regex": "x", "value_min": "nan"}, "value_min", "Enter a number."),
        ({"regex": "x", "value_max": "abc"}, "value_max", "Enter a number."),
        ({"regex": "x", "value_min": "2", "value_max": "1.5"}, "value_min", "must not be above the highest"),
        ({"alert_on_value_change": "on"}, "alert_on_value_change", NO_REGEX),
        ({"alert_on_value_missing": "on"}, "alert_on_value_missing", NO_REGEX),
        ({"value_min": "0"}, "value_min", NO_REGEX),
        ({"value_max": "1"}, "value_max", NO_REGEX),
    ],
)
def test_a_bad_option_is_answered_beside_it_and_nothing_is_saved(
    admin_client: Client, fields: dict[str, str], field: str, words: str
) -> None:
    errors = admin_client.post(ADD, form() | fields).context["adminform"].form.errors
    assert set(errors) == {field}
    assert len(errors[field]) == 1
    assert words in errors[field][0]
    assert not Website.objects.exists()


def test_a_form_without_a_change_leaves_every_option(admin_client: Client) -> None:
    options: dict[str, Any] = {
        "regex": "x",
        "tags": ",prod,my shop,",
        "failures_before_down": 3,
        "successes_before_up": 4,
        "slow_threshold": 0.001,
        "slow_checks": 5,
        "alert_on_value_change": True,
        "alert_on_value_missing": True,
        "value_min": -1.5,
        "value_max": 1e300,
    }
    one = website(0, **options)
    bound = admin_client.get(change_url(one)).context["adminform"].form
    shown = {name: bound[name].value() for name in bound.fields}
    assert shown["tags"] == "prod, my shop"
    sent = {name: "on" if value is True else value for name, value in shown.items() if value not in (None, False)}
    response = admin_client.post(change_url(one), sent)
    assert response.status_code == 302
    one.refresh_from_db()
    assert {name: getattr(one, name) for name in options} == options


def test_tags_beside_an_error_stay_as_they_were_typed(admin_client: Client) -> None:
    response = admin_client.post(ADD, form(tags="Shop,,a\x1bb"))
    assert response.context["adminform"].form["tags"].value() == "Shop,,a\x1bb"


def test_whoever_may_only_look_sees_tags_with_commas_between() -> None:
    one = website(0, tags="prod,<b>")
    content = page(staff_client("viewer"), change_url(one))
    assert "prod, &lt;b&gt;" in content
    assert ",prod," not in content


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, {0, 1, 2}),
        ({"tag": "shop"}, {0}),
        ({"tag": " SHOP "}, {0}),
        ({"tag": "prod"}, {0, 1}),
        ({"tag": "pro"}, set()),
        ({"tag": "%"}, set()),
        # What can be no tag hides nothing.
        ({"tag": ""}, {0, 1, 2}),
        ({"tag": "prod,shop"}, {0, 1, 2}),
        ({"tag": "\0"}, {0, 1, 2}),
        ({"tag": "x" * 1000}, {0, 1, 2}),
        ({"tag": "prod", "is_active__exact": "0"}, {1}),
    ],
)
def test_the_list_is_filtered_by_a_tag(admin_client: Client, query: dict[str, str], numbers: set[int]) -> None:
    website(0, tags="shop,prod")
    website(1, tags="prod", is_active=False)
    website(2, tags="my shop")
    content = page(admin_client, WEBSITES, **query)
    assert {number for number in range(3) if f'href="https://www{number}.example.org/"' in content} == numbers


def offered(client: Client, **query: str) -> list[str]:
    """The tags that the list's filter offers."""
    filters = client.get(WEBSITES, query).context["cl"].filter_specs
    return [tag for spec in filters if spec.title == "tag" for tag, _ in spec.lookup_choices]


def test_the_filter_offers_the_tags_in_use(admin_client: Client) -> None:
    website(0)
    assert offered(admin_client) == []
    website(1, tags="shop,prod")
    website(2, tags="prod,<b>")
    assert offered(admin_client) == ["<b>", "prod", "shop"]
    assert offered(admin_client, tag="OTHER") == ["<b>", "other", "prod", "shop"]
    assert "<b>" not in page(admin_client, WEBSITES)
    assert "prod (2)" in page(admin_client, WEBSITES, _facets="True")


def test_of_very_many_tags_the_most_used_are_offered_by_one_query(admin_client: Client) -> None:
    many = [f"tag {number:03}" for number in range(200)]
    for number, tags in enumerate((many[:20], many[20:40], many[40:60], ["zzz"], ["zzz"])):
        website(number, tags=",".join(tags))
    with CaptureQueriesContext(connection) as captured:
        tags = offered(admin_client)
    assert len(tags) == TAGS_OFFERED
    assert "zzz" in tags
    assert sum("GROUP BY" in query["sql"] for query in captured) == 1
