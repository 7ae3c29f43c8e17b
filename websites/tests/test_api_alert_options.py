"""Tags and alert options of websites through the API, in JSON and in forms."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from websites.models import Website
from websites.tags import store
from websites.tests.people import send, signed_in
from websites.tests.websites import URL, add, raw

pytestmark = [pytest.mark.django_db, pytest.mark.once]

DEFAULTS: dict[str, Any] = {
    "regex": None,
    "tags": [],
    "failures_before_down": 2,
    "successes_before_up": 1,
    "slow_threshold": None,
    "slow_checks": 3,
    "alert_on_value_change": False,
    "alert_on_value_missing": False,
    "value_min": None,
    "value_max": None,
}
COUNTS = ("failures_before_down", "successes_before_up", "slow_checks")
BOUNDS = ("value_min", "value_max")
FLAGS = ("alert_on_value_change", "alert_on_value_missing")
FORM = "application/x-www-form-urlencoded"


def options(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in DEFAULTS}


def answered(response: Any, code: int = 200) -> dict[str, Any]:
    assert response.status_code == code, response.content
    return options(response.json())


@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_options_that_are_not_given_are_the_defaults(editor: APIClient, body_format: str) -> None:
    response = send(editor, "post", "/websites", {"website_url": URL, "monitoring_interval": 60}, body_format)
    assert answered(response, 201) == DEFAULTS
    website = Website.objects.get()
    assert {name: getattr(website, name) for name in DEFAULTS} == {**DEFAULTS, "tags": ""}


# Each with what must be there already.
GOOD: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({}, "tags", ["prod"], ["prod"]),
    ({}, "tags", [" Shop", "PROD", "shop", "my shop"], ["shop", "prod", "my shop"]),
    ({}, "tags", [f"{number}" for number in range(20)], [f"{number}" for number in range(20)]),
    ({"tags": ",old,"}, "tags", ["new"], ["new"]),
    *(({}, field, count, count) for field in COUNTS for count in (1, 10)),
    ({}, "failures_before_down", "7", 7),
    ({}, "slow_threshold", 0.001, 0.001),
    ({}, "slow_threshold", "2.5", 2.5),
    ({}, "slow_threshold", 60, 60.0),
    *(({"regex": "x"}, field, True, True) for field in FLAGS),
    *(({"regex": "x", field: True}, field, "no", False) for field in FLAGS),
    *(({"regex": "x"}, field, value, float(value)) for field in BOUNDS for value in (0, -1.5, "1e300")),
    ({"regex": "x", "value_max": 2.0}, "value_min", 2, 2.0),
]


def shown(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [tag for tag in value.split(",") if tag] if name == "tags" else value for name, value in fields.items()
    }


@pytest.mark.parametrize("body_format", ["json", "multipart"])
@pytest.mark.parametrize(("beside", "field", "given", "kept"), GOOD)
def test_an_option_is_set_when_a_website_is_added(  # noqa: PLR0917
    editor: APIClient, beside: dict[str, Any], field: str, given: Any, kept: Any, body_format: str
) -> None:
    wanted = {**DEFAULTS, **shown(beside), field: kept}
    body = {"website_url": URL, "monitoring_interval": 60, **shown(beside), field: given}
    response = send(editor, "post", "/websites", body, body_format)
    assert answered(response, 201) == wanted
    assert answered(editor.get(f"/websites/{response.json()['website_id']}")) == wanted
    assert [options(row) for row in editor.get("/websites").json()["results"]] == [wanted]


@pytest.mark.parametrize("body_format", ["json", "multipart"])
@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(("beside", "field", "given", "kept"), GOOD)
def test_an_option_is_changed_and_the_others_stay(  # noqa: PLR0917
    editor: APIClient, beside: dict[str, Any], field: str, given: Any, kept: Any, method: str, body_format: str
) -> None:
    website = add(**beside)
    response = send(editor, method, f"/websites/{website.pk}", {field: given}, body_format)
    assert answered(response) == {**DEFAULTS, **shown(beside), field: kept}
    assert raw(website)[field] == (store(kept) if field == "tags" else kept)


def test_all_options_are_set_at_once_and_by_the_url(editor: APIClient) -> None:
    wanted = {
        "regex": r"(\d+)",
        "tags": ["prod", "shop"],
        "failures_before_down": 3,
        "successes_before_up": 4,
        "slow_threshold": 1.5,
        "slow_checks": 5,
        "alert_on_value_change": True,
        "alert_on_value_missing": True,
        "value_min": -1.5,
        "value_max": 0.0,
    }
    website = add()
    assert answered(editor.put("/websites", {"website_url": URL, **wanted}, format="json")) == wanted
    # What was answered can be sent back, and what is not named stays.
    answer = editor.get(f"/websites/{website.pk}").json()
    assert editor.put(f"/websites/{website.pk}", answer, format="json").json() == answer
    assert answered(send(editor, "patch", f"/websites/{website.pk}", {"monitoring_interval": 61})) == wanted


@pytest.mark.parametrize(
    ("form", "tags"),
    [
        ("tags=prod", ["prod"]),
        ("tags=Prod%2C+my+shop%2C", ["prod", "my shop"]),
        ("tags=prod,shop", ["prod", "shop"]),
        ("tags=prod&tags=shop,prod", ["prod", "shop"]),
        ("tags=", []),
        ("tags=+", []),
        ("tags=%2C%2C", []),
        ("slow_threshold=", ["old"]),
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_form_has_tags_with_commas_between(editor: APIClient, method: str, form: str, tags: list[str]) -> None:
    website = add(tags="old")
    response = getattr(editor, method)(f"/websites/{website.pk}", form, content_type=FORM)
    assert answered(response)["tags"] == tags


@pytest.mark.parametrize("tags", [["a", "b"], []])
def test_tags_are_given_up_again(editor: APIClient, tags: list[str]) -> None:
    website = add(tags=",".join(tags))
    assert answered(send(editor, "patch", f"/websites/{website.pk}", {"tags": []}))["tags"] == []
    assert raw(website)["tags"] == ""


@pytest.mark.parametrize(("given", "body_format"), [(None, "json"), ("", "multipart")])
@pytest.mark.parametrize("field", ["slow_threshold", *BOUNDS])
def test_a_number_is_given_up_again(editor: APIClient, field: str, given: str | None, body_format: str) -> None:
    has: dict[str, Any] = {"regex": "x", field: 5.0}
    website = add(**has)
    response = send(editor, "patch", f"/websites/{website.pk}", {field: given}, body_format)
    assert answered(response)[field] is None


def test_boxes_of_a_form_that_are_left_empty_are_the_defaults(editor: APIClient) -> None:
    form = {"website_url": URL, "monitoring_interval": "60"} | dict.fromkeys(DEFAULTS.keys() - set(FLAGS), "")
    assert answered(send(editor, "post", "/websites", form, "multipart"), 201) == DEFAULTS


# --- Refusals ----------------------------------------------------------------------------

WHOLE = "A valid integer is required."
NUMBER = "A valid number is required."
THRESHOLD = "The threshold must be from 0.001 to 60 seconds."
BOOLEAN = "Must be a valid boolean."
NULL = "This field may not be null."
LIST = "Expected a list of strings."
UNPRINTABLE = "A tag has no characters that do not print."
NO_REGEX = "There is no regex that could extract a value."

NO_LISTS: list[Any] = ["prod", "", 5, True, {}, {"a": "b"}, [1], [None], [["a"]], ["a", {}]]
NO_WHOLE_NUMBERS: list[Any] = ["", "abc", 1.5, True, [], {}, "1_0", "\u0665"]
NO_NUMBERS: list[Any] = ["", "abc", "nan", "inf", "-Infinity", [], {}, True, False, "1,5", "1_0", "\u0665"]
NO_FLAGS: list[Any] = ["perhaps", "", 2, []]

BAD: list[tuple[str, Any, str]] = [
    *(("tags", value, LIST) for value in NO_LISTS),
    ("tags", None, NULL),
    *(("tags", [value], "A tag may not be blank.") for value in ("", " ", "\n")),
    ("tags", ["a", "b,c"], "A tag has no commas."),
    *(("tags", [value], UNPRINTABLE) for value in ("a\0b", "a\x1b[1m", "a\u202eb", "a\ud800", "a\nb")),
    ("tags", ["x" * 51], "A tag has at most 50 characters."),
    ("tags", ["x" * (1 << 20)], "A tag has at most 50 characters."),
    ("tags", [f"{number}" for number in range(21)], "A website has at most 20 tags."),
    *((field, value, WHOLE) for field in COUNTS for value in NO_WHOLE_NUMBERS),
    *((field, None, NULL) for field in COUNTS),
    *((field, value, "greater than or equal to 1.") for field in COUNTS for value in (0, -1, "-5")),
    *((field, value, "less than or equal to 10.") for field in COUNTS for value in (11, 10**400)),
    *((field, value, NUMBER) for field in ("slow_threshold", *BOUNDS) for value in NO_NUMBERS),
    *((field, 10**400, "too large") for field in ("slow_threshold", *BOUNDS)),
    *(("slow_threshold", value, THRESHOLD) for value in (0, 0.0009, -1, 60.1, "61", 1e308)),
    *((field, value, BOOLEAN) for field in FLAGS for value in NO_FLAGS),
    *((field, None, NULL) for field in FLAGS),
    *((field, True, NO_REGEX) for field in FLAGS),
    *((field, value, NO_REGEX) for field in BOUNDS for value in (0, 1.5)),
    ("tag", ["a"], 'There is no such field. Did you mean "tags"?'),
    ("tags[0]", "a", 'There is no such field. Did you mean "tags"?'),
    ("slow_treshold", 1, 'There is no such field. Did you mean "slow_threshold"?'),
]


def refused(response: Any, field: str, message: str) -> None:
    assert response.status_code == 400
    assert response.json().keys() == {field}
    assert message in " ".join(response.json()[field])


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_a_bad_option_is_named_with_what_is_wrong_and_nothing_is_saved(
    editor: APIClient, field: str, value: Any, message: str
) -> None:
    body = json.dumps({"website_url": URL, "monitoring_interval": 60, field: value})
    refused(editor.post("/websites", body, content_type="application/json"), field, message)
    assert not Website.objects.exists()

    website = add(tags="old")
    before = raw(website)
    # What is good beside it is not saved either.
    change = json.dumps({"monitoring_interval": 61, "is_active": False, field: value})
    for method in ("put", "patch"):
        response = getattr(editor, method)(f"/websites/{website.pk}", change, content_type="application/json")
        refused(response, field, message)
    assert raw(website) == before


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (field, value, message)
        for field, value, message in BAD
        if field != "tags" and isinstance(value, str) and value and "\ud800" not in value
    ],
)
def test_a_bad_option_in_a_form_is_the_same_error(editor: APIClient, field: str, value: str, message: str) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, field: value}
    refused(send(editor, "post", "/websites", body, "multipart"), field, message)
    assert not Website.objects.exists()


def test_an_uploaded_file_is_no_tag(editor: APIClient) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="tags"'
    body = head + b"\r\n\r\na\r\n" + head + b'; filename="u"\r\n\r\nb\r\n--x--\r\n'
    website = add()
    response = editor.generic("PUT", f"/websites/{website.pk}", body, content_type="multipart/form-data; boundary=x")  # type: ignore[arg-type]
    refused(response, "tags", LIST)


@pytest.mark.parametrize(
    ("has", "change", "errors"),
    [
        ({"regex": "x", "alert_on_value_change": True}, {"regex": ""}, {"alert_on_value_change": NO_REGEX}),
        ({"regex": "x", "alert_on_value_missing": True}, {"regex": None}, {"alert_on_value_missing": NO_REGEX}),
        (
            {"regex": "x", "value_min": 0.0, "value_max": 1.0},
            {"regex": None},
            {"value_min": NO_REGEX, "value_max": NO_REGEX},
        ),
        ({"regex": "x", "value_max": 1.0}, {"value_min": 1.5}, {"value_min": "above the highest: at most 1."}),
        ({"regex": "x", "value_min": 1.5}, {"value_max": "1"}, {"value_min": "above the highest: at most 1."}),
        (
            {"timeout": 20.0},
            {"monitoring_interval": 5, "value_max": 1},
            {"timeout": "at most 5", "value_max": NO_REGEX},
        ),
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_that_does_not_go_with_what_there_is_is_refused(
    editor: APIClient, has: dict[str, Any], change: dict[str, Any], errors: dict[str, str], method: str
) -> None:
    website = add(**has)
    before = raw(website)
    response = send(editor, method, f"/websites/{website.pk}", {**change, "is_active": False})
    assert response.status_code == 400
    assert response.json().keys() == errors.keys()
    for field, message in errors.items():
        assert message in response.json()[field][0]
    assert raw(website) == before


def test_a_regex_goes_with_all_that_is_about_its_value(editor: APIClient) -> None:
    website = add(regex="x", alert_on_value_change=True, value_min=1.0, value_max=2.0)
    change: dict[str, Any] = {"regex": None, "alert_on_value_change": False, "value_min": None, "value_max": None}
    assert answered(send(editor, "patch", f"/websites/{website.pk}", change)) == DEFAULTS
    change = {"regex": "y", "alert_on_value_missing": True, "value_min": 5}
    assert send(editor, "patch", f"/websites/{website.pk}", change).status_code == 200


def test_a_viewer_changes_no_tag() -> None:
    website = add(tags="prod")
    assert send(signed_in("viewer"), "patch", f"/websites/{website.pk}", {"tags": ["a"]}).status_code == 403
    assert raw(website)["tags"] == ",prod,"
