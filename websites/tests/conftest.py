"""What tests of websites share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from websites.tests.people import signed_in


@pytest.fixture
def editor() -> APIClient:
    return signed_in("editor")


@pytest.fixture
def import_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
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
