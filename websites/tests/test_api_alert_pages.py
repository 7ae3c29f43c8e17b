"""How the browsable pages, the schema and OPTIONS show tags and alert options."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from websites.models import Website
from websites.tests.websites import URL, add

pytestmark = pytest.mark.django_db

OPTIONS = (
    *("tags", "failures_before_down", "successes_before_up", "slow_threshold", "slow_checks"),
    *("alert_on_value_change", "alert_on_value_missing", "value_min", "value_max"),
)
HTML = {"Accept": "text/html"}


def test_the_browsable_forms_have_tags_with_commas_between(editor: APIClient) -> None:
    website = add(tags='prod,<b>"my shop"')
    html = editor.get(f"/websites/{website.pk}", headers=HTML).content.decode()
    assert 'name="tags" id="field-tags" value="prod, &lt;b&gt;&quot;my shop&quot;"' in html
    assert 'name="tags" id="field-tags" value=""' in editor.get("/websites", headers=HTML).content.decode()


def test_a_browsable_form_keeps_the_tags_that_were_typed_beside_an_error(editor: APIClient) -> None:
    body = {"website_url": URL, "monitoring_interval": "1", "tags": "Prod,my shop"}
    response = editor.post("/websites", body, headers=HTML)
    assert response.status_code == 400
    assert 'id="field-tags" value="Prod, my shop"' in response.content.decode()


@pytest.mark.parametrize("tags", [None, 5, "prod", {"a": 1}, [1, None]])
def test_a_browsable_page_answers_what_are_no_tags(editor: APIClient, tags: Any) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, "tags": tags}
    assert editor.post("/websites", body, format="json", headers=HTML).status_code == 400


def test_tags_that_sql_wrote_are_answered_as_they_are(editor: APIClient) -> None:
    website = add()
    Website.objects.filter(pk=website.pk).update(tags="No, normal\x1b,tag")
    assert editor.get(f"/websites/{website.pk}").json()["tags"] == ["No", " normal\x1b", "tag"]


def test_the_schema_has_tags_as_a_list_with_its_bounds(editor: APIClient) -> None:
    schema = editor.get("/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    tags = schema["components"]["schemas"]["Website"]["properties"]["tags"]
    assert (tags["type"], tags["maxItems"], tags["items"]) == ("array", 20, {"type": "string", "maxLength": 50})
    parameters = {parameter["name"] for parameter in schema["paths"]["/websites"]["get"]["parameters"]}
    assert "tag" in parameters


def test_options_describe_every_alert_option(editor: APIClient) -> None:
    fields = editor.options("/websites").json()["actions"]["POST"]
    for name in OPTIONS:
        assert not fields[name]["required"]
        assert fields[name]["help_text"]
