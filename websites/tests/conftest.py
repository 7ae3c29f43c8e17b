"""What tests of the API share."""

import pytest
from rest_framework.test import APIClient

from websites.tests.people import signed_in


@pytest.fixture
def editor() -> APIClient:
    return signed_in("editor")
