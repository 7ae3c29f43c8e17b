"""Request options to and from CSV."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

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


def test_every_empty_cell_is_its_default(import_csv: Import) -> None:
    sealed = http_auth.seal("Bearer s3cr3t")
    website = add(**OPTIONS, is_active=False, http_auth=sealed)
    options = csv_files.COLUMNS[2:]
    text = f"website_url,monitoring_interval,{','.join(options)}\n{{}},60{',' * len(options)}\n"
    assert import_csv(text.format(URL)) == "0 created, 1 updated, 0 unchanged.\n"
    # A paused website stays paused, and keeps its credentials.
    plain = {field.attname: field.get_default() for field in Website._meta.fields} | {"regex": None}
    kept = {name: plain[name] for name in options} | {"is_active": False, "http_auth": sealed}
    assert Website.objects.filter(pk=website.pk).values(*kept).get() == kept
    assert import_csv(text.format("http://new.example/")) == "1 created, 0 updated, 0 unchanged.\n"
    kept |= {"is_active": True, "http_auth": ""}
    assert Website.objects.filter(website_url="http://new.example/").values(*kept).get() == kept


@pytest.mark.parametrize(
    "options",
    [
        {"method": "POST", "request_body": "=cmd|'/c calc'!A0"},
        {"method": "POST", "request_body": "'=1"},
        {"method": "POST", "request_body": "\t\r\n\r"},
        {"method": "PUT", "request_body": '"a","b"\n;|'},
        {"method": "PUT", "request_body": "\ufeff\u202e\U0001f4a9\x1b"},
        {"method": "PATCH", "request_body": "x" * 10_000},
        {"request_headers": "-X: 1"},
        {"request_headers": "'X: 1"},
        {"request_headers": "+X: 1\r\n'-Y: 2"},
        {"accepted_statuses": "100-999 , 200"},
        {"timeout": 0.1 + 0.2},
    ],
)
def test_hostile_values_come_back_as_they_were(
    import_csv: Import, capsys: pytest.CaptureFixture[str], options: dict[str, Any]
) -> None:
    add(**options)
    before, text = stored(), exported(capsys)
    cells = [cell for record in csv.reader(io.StringIO(text, newline="")) for cell in record]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    Website.objects.all().delete()
    assert import_csv(text) == "1 created, 0 updated, 0 unchanged.\n"
    assert stored() == before
    assert import_csv(text) == "0 created, 0 updated, 1 unchanged.\n"


@pytest.mark.parametrize("header", ["", "http_auth", "http_auth_scheme", "HTTP_AUTH"])
def test_no_column_says_a_word_of_credentials(
    import_csv: Import, capsys: pytest.CaptureFixture[str], header: str
) -> None:
    sealed = http_auth.seal("Basic me:s3cr3t")
    add(http_auth=sealed)
    text = exported(capsys)
    assert not {"Basic", "Bearer", "http_auth"} & set(text.replace(",", " ").split())
    if header:
        said = import_csv(f"website_url,monitoring_interval,{header}\n{URL},60,Basic me:s3cr3t\n")
        assert "There is no column" in said
        assert "s3cr3t" not in said
    assert Website.objects.get().http_auth == sealed


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("timeout", "nan", "from 0.1 to 60"),
        ("timeout", "1_0", "A valid number is required."),
        ("timeout", "61", "from 0.1 to 60"),
        ("timeout", "60.0", ""),
        ("accepted_statuses", "99", "such as 200-299,304"),
        ("method", "TRACE", "Must be one of GET, HEAD"),
        ("method", " head ", ""),
        ("request_headers", "Host", "Line 1 is not of the form"),
        ("request_headers", "X: 1\r\n\r\nGET / HTTP/1.1", "Line 3 is not of the form"),
        ("request_headers", "X: a\0", "Line 1 is not of the form"),
        ("request_headers", "X: ä", "Line 1 is not of the form"),
        ("request_headers", "authorization: Basic s3cr3t", "Give credentials as http_auth"),
        ("request_headers", "CONNECTION: close", "The header CONNECTION is set by the monitor itself."),
        ("request_headers", "X: ".ljust(4_001, "a"), "4000 characters"),
        ("request_body", "x" * 10_001, "at most 10000 characters"),
        ("timeout", "inf", "from 0.1 to 60"),
        ("timeout", "abc", "must be a float"),
        ("timeout", "\u0665", "A valid number is required."),
        ("timeout", "9" * 5_000, "from 0.1 to 60"),
        ("accepted_statuses", "300-200", "the smaller first"),
        ("accepted_statuses", "200,,300", "such as 200-299,304"),
        ("accepted_statuses", ",".join(["200"] * 51), "200 characters"),
        ("verify_tls", "2", "Must be true or false."),
        ("follow_redirects", "perhaps", "Must be true or false."),
        ("ip_version", "5", "Must be one of any, 4, 6."),
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
    assert "s3cr3t" not in said
    assert not Website.objects.exists()


def test_a_body_with_a_nul_is_named_before_any_database_sees_it(import_csv: Import) -> None:
    """PostgreSQL takes none; API and admin refuse it as well."""
    add()
    before = stored()
    said = import_csv(f"website_url,monitoring_interval,method,request_body\n{URL},60,POST,a\0b\n")
    assert said.startswith("line 2, request_body: Null characters are not allowed.\n")
    assert stored() == before


def test_what_a_website_has_already_counts_as_well(import_csv: Import) -> None:
    add(method="HEAD")
    said = import_csv(f"website_url,monitoring_interval,regex\n{URL},60,ok\n")
    assert "line 2, method: The answer to HEAD has no body" in said
    add("http://slow.example/", monitoring_interval=60, timeout=30.0)
    assert "line 2, timeout: " in import_csv("website_url,monitoring_interval\nhttp://slow.example/,20\n")
    said = import_csv(f"website_url,monitoring_interval,regex,method\n{URL},60,ok,GET\n")
    assert said == "0 created, 1 updated, 0 unchanged.\n"


@pytest.mark.parametrize(
    ("has", "columns", "cells", "faults"),
    [
        ({"timeout": 30.0}, "", "20", {"timeout": "at most 20 seconds"}),
        ({"monitoring_interval": 5}, "timeout", "5,6", {"timeout": "at most 5 seconds"}),
        ({"monitoring_interval": 5}, "timeout", "10,6", {}),
        ({"method": "POST", "request_body": "x"}, "method", "60,", {"request_body": "Only POST, PUT and PATCH"}),
        ({"method": "POST", "request_body": "x"}, "method,request_body", "60,,", {}),
        ({"regex": "ok", "regex_must_match": True}, "regex", "60,", {"regex_must_match": "no regex that must match"}),
        ({"regex": "ok", "regex_must_match": True}, "regex,regex_must_match", "60,,", {}),
        ({"regex": "ok"}, "method", "60,HEAD", {"method": "no body that the regex could read"}),
        (
            {"timeout": 30.0, "regex": "ok"},
            "method,request_body",
            "20,HEAD,x",
            {"timeout": "at most 20 seconds", "request_body": "Only POST", "method": "no body"},
        ),
    ],
)
def test_faults_with_what_a_website_has_are_named_by_line_and_column(
    import_csv: Import, has: dict[str, Any], columns: str, cells: str, faults: dict[str, str]
) -> None:
    add(**has)
    before = stored()
    header = ",".join(filter(None, ("website_url,monitoring_interval", columns)))
    filler = f"http://a.example/,60{',' * columns.count(',')}{',' if columns else ''}"
    said = import_csv(f"{header}\n{filler}\n{URL},{cells}\n")
    if not faults:
        assert said == "1 created, 1 updated, 0 unchanged.\n"
        return
    lines = said.splitlines()
    assert len(lines) == len(faults) + 1
    assert lines[-1].startswith("1 line is bad; nothing was imported.")
    for column, words in faults.items():
        assert [line for line in lines if line.startswith(f"line 3, {column}: ") and words in line]
    assert stored() == before


def test_faults_are_told_in_the_order_of_their_lines(import_csv: Import) -> None:
    said = import_csv(
        "website_url,monitoring_interval,timeout,method\n"
        f"{URL},5,9,GET\nhttp://a.example/,5,nan,GET\nhttp://b.example/,5,9,GET\nhttp://c.example/,5,1,TRACE\n"
    )
    places = [line.partition(":")[0] for line in said.splitlines()]
    assert places[:4] == ["line 2, timeout", "line 3, timeout", "line 4, timeout", "line 5, method"]
    assert places[4].startswith("4 lines are bad")


def test_a_dry_run_compares_options_and_changes_none(import_csv: Import) -> None:
    add(**OPTIONS)
    add("http://same.example/", timeout=5.0)
    before = stored()
    text = f"website_url,monitoring_interval,timeout\n{URL},60,3\nhttp://same.example/,60,5.0\nhttp://n.example/,60,\n"
    assert import_csv(text, dry_run=True) == "Dry run, nothing was written: 1 created, 1 updated, 1 unchanged.\n"
    assert stored() == before
    said = import_csv(f"{text}http://bad.example/,5,6\n", dry_run=True)
    assert said.startswith("line 5, timeout: A check must end before the next one begins: at most 5 seconds.\n")
    assert stored() == before


def test_good_lines_are_taken_and_a_dry_run_writes_nothing(import_csv: Import) -> None:
    text = f"website_url,monitoring_interval,request_body\n{URL},60,x\nhttp://a.example/,60,\n"
    said = import_csv(text, skip_invalid=True, dry_run=True)
    assert said == "Dry run, nothing was written: 1 created, 0 updated, 0 unchanged, 1 skipped.\n"
    assert not Website.objects.exists()
    import_csv(text, skip_invalid=True)
    assert [website.website_url for website in Website.objects.all()] == ["http://a.example/"]
