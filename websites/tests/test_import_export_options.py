"""Request options to and from CSV."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from websites import csv_files, http_auth
from websites.models import Website
from websites.tests.websites import URL, add

pytestmark = pytest.mark.django_db

Import = Callable[..., str]
OPTIONS: dict[str, Any] = {
    "regex": "^=ok",
    "regex_must_match": True,
    "accepted_statuses": "200-299,304",
    "timeout": 2.5,
    "method": "POST",
    "request_headers": "X-One: =1\nX-Two: 2",
    "request_body": ' {"a": "ä"}\r\n',
    "follow_redirects": False,
    "verify_tls": False,
    "ip_version": "6",
}
STORED = (*csv_files.COLUMNS, "http_auth")


@pytest.fixture
def import_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    """Imports a text; returns what the command says, its complaints included."""

    def run(content: str, **options: Any) -> str:
        path = tmp_path / "websites.csv"
        path.write_bytes(content.encode())
        try:
            call_command("import_websites", str(path), **options)
        except CommandError as error:
            return f"{capsys.readouterr().err}{error}"
        return capsys.readouterr().out

    return run


def exported(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("export_websites")
    return capsys.readouterr().out


def stored() -> list[tuple[Any, ...]]:
    return list(Website.objects.values_list(*STORED))


def test_all_options_come_back_as_they_were(import_csv: Import, capsys: pytest.CaptureFixture[str]) -> None:
    add(**OPTIONS)
    add("https://plain.example.org/")
    before, text = stored(), exported(capsys)
    Website.objects.all().delete()
    assert import_csv(text) == "2 created, 0 updated, 0 unchanged.\n"
    assert stored() == before
    assert import_csv(text) == "0 created, 0 updated, 2 unchanged.\n"


def test_credentials_are_not_exported_and_survive_an_import(
    import_csv: Import, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = http_auth.seal("Basic me:s3cr3t")
    website = add(http_auth=sealed)
    text = exported(capsys)
    assert "s3cr3t" not in text
    assert sealed.partition(" ")[2] not in text
    assert import_csv(text.replace(",60,", ",61,")) == "0 created, 1 updated, 0 unchanged.\n"
    website.refresh_from_db()
    assert (website.monitoring_interval, website.http_auth) == (61, sealed)
    assert "There is no column" in import_csv(f"website_url,monitoring_interval,http_auth\n{URL},60,Basic a:b\n")


def test_an_empty_cell_is_the_default_and_an_absent_column_changes_nothing(import_csv: Import) -> None:
    website = add(**OPTIONS)
    import_csv(f"website_url,monitoring_interval,timeout,ip_version\n{URL},60,,\n")
    website.refresh_from_db()
    assert (website.timeout, website.ip_version) == (None, "any")
    assert (website.method, website.request_body) == ("POST", OPTIONS["request_body"])


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("timeout", "nan", "from 0.1 to 60"),
        ("timeout", "1_0", "A valid number is required."),
        ("timeout", "61", "from 0.1 to 60"),
        ("timeout", "60.0", ""),
        ("accepted_statuses", "99", "such as 200-299,304"),
        ("method", "TRACE", "not a valid choice"),
        ("request_headers", "Host", "Line 1 is not of the form"),
        ("follow_redirects", "perhaps", "Must be true or false."),
        ("ip_version", "5", "not a valid choice"),
        ("request_body", "x", "Only POST, PUT and PATCH"),
        ("regex_must_match", "yes", "no regex that must match"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(import_csv: Import, column: str, cell: str, words: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(
        [["website_url", "monitoring_interval", column], ["http://a.example/", 60, ""], [URL, 60, cell]]
    )
    said = import_csv(file.getvalue())
    if not words:
        assert said == "2 created, 0 updated, 0 unchanged.\n"
        return
    assert f"line 3, {column}: " in said
    assert words in said
    assert not Website.objects.exists()


def test_what_a_website_has_already_counts_as_well(import_csv: Import) -> None:
    add(method="HEAD")
    said = import_csv(f"website_url,monitoring_interval,regex\n{URL},60,ok\n")
    assert "line 2, method: The answer to HEAD has no body" in said
    add("http://slow.example/", monitoring_interval=60, timeout=30.0)
    assert "line 2, timeout: " in import_csv("website_url,monitoring_interval\nhttp://slow.example/,20\n")
    said = import_csv(f"website_url,monitoring_interval,regex,method\n{URL},60,ok,GET\n")
    assert said == "0 created, 1 updated, 0 unchanged.\n"


def test_good_lines_are_taken_and_a_dry_run_writes_nothing(import_csv: Import) -> None:
    text = f"website_url,monitoring_interval,request_body\n{URL},60,x\nhttp://a.example/,60,\n"
    said = import_csv(text, skip_invalid=True, dry_run=True)
    assert said == "Dry run, nothing was written: 1 created, 0 updated, 0 unchanged, 1 skipped.\n"
    assert not Website.objects.exists()
    import_csv(text, skip_invalid=True)
    assert [website.website_url for website in Website.objects.all()] == ["http://a.example/"]
