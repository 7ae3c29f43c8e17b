"""What the system lends a process, asked for in one that can be limited."""

import subprocess
import sys

import pytest

from monitoring.probe.descriptors import DESCRIPTORS_LEFT, DESCRIPTORS_PER_CHECK, FEWEST_AT_ONCE

ASK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from monitoring.probe.descriptors import checks_at_once
print(checks_at_once(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "at_once", "soft_after"),
    [
        (256, 4096, (4096 - DESCRIPTORS_LEFT) // DESCRIPTORS_PER_CHECK, 4096),
        (1024, 1024, (1024 - DESCRIPTORS_LEFT) // DESCRIPTORS_PER_CHECK, 1024),
        (200, 200, FEWEST_AT_ONCE, 200),
    ],
)
def test_as_many_descriptors_are_asked_for_as_there_are(soft: int, hard: int, at_once: int, soft_after: int) -> None:
    command = [sys.executable, "-c", ASK, str(soft), str(hard)]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert shown.split() == [str(at_once), str(soft_after)]
