"""Half of all websites go down within a minute: are their incidents there at once, and is it one message?

`python -m bench.outage [--websites 10000]` starts private servers, a target, beat and worker as users run them, and two
webhooks' receivers, lets one website after another answer 503, and prints how long after its first failed check each
incident was there, and what the receivers got. The exit code is 1 where something required did not hold.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench import processes, rows
from bench.binaries import UnavailableError
from bench.report import Report, percentiles
from bench.scenarios import Scenario, fill
from bench.servers import EXIT_SKIP

# Seconds in which all of them go down: with an interval until it is noticed, within a minute.
LENGTH = 50.0
# Seconds from the end of the first failed check to the incident.
NOTICED = 5.0
SETTLE = 10.0
# After the last has gone down: an interval, a check to be sure, and a minute in which alerts are gathered.
AFTER = 90.0
CHANNELS = 2


class Receiver(BaseHTTPRequestHandler):
    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append(message | {"received_at": time.time()})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not to standard error."""


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's receiver; yields its URL and what it has got."""
    got: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Receiver,), {"received": got}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()


def run(scenario: Scenario, folder: Path) -> list[str]:
    """Let it happen, print what came of it, and return what did not hold, in sentences."""
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    with ExitStack() as stack:
        stack.enter_context(processes.target(scenario, folder))
        fill(scenario)
        inboxes = [channel(number, *stack.enter_context(receiver())) for number in range(CHANNELS)]
        stack.enter_context(processes.product(scenario, folder))
        rows.wait_for_first()
        time.sleep(SETTLE)
        begin = time.time()
        step = LENGTH / round(scenario.websites * scenario.failing)
        (folder / "outage.new").write_text(f"{begin} {step}")
        (folder / "outage.new").rename(folder / "outage")
        time.sleep(LENGTH + AFTER)
        end = time.time()
    result = Report()
    rows.count(result, scenario, begin, end - scenario.interval)
    return _judge(scenario, result, inboxes)


def channel(number: int, url: str, got: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have a receiver told of everything; returns what it has got."""
    from monitoring.models import Channel, ChannelKind
    from websites.encryption import encrypt

    Channel.objects.create(
        name=f"channel {number}", kind=ChannelKind.WEBHOOK, target=encrypt(url), secret=encrypt("of the benchmark")
    )
    return got


def _judge(scenario: Scenario, result: Report, inboxes: list[list[dict[str, Any]]]) -> list[str]:
    from monitoring.models import Incident

    failing = round(scenario.websites * scenario.failing)
    incidents = list(Incident.objects.values_list("opened_at", "started_before"))
    noticed = percentiles([(opened - failed).total_seconds() for opened, failed in incidents])
    messages = [[message["count"] for message in inbox] for inbox in inboxes]
    print(f"websites that went down / incidents: {failing} / {len(incidents)}")
    print(f"from the end of the first failed check to the incident: {noticed}")
    print(f"messages, by channel, each with its number of websites: {messages}")
    print(f"lateness of the others' checks: {result.lateness}")
    sentences = []
    if len(incidents) != failing:
        sentences.append(f"{len(incidents)} incidents of {failing}")
    if noticed.get("max", NOTICED) > NOTICED:
        sentences.append(f"an incident was there {noticed['max']} s after the first failed check")
    if messages != [[failing]] * CHANNELS:
        sentences.append("not one message a channel with all websites")
    return sentences


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--websites", type=int, default=10_000)
    scenario = Scenario("half of them go down", parser.parse_args().websites, 5, failing=0.5)
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        try:
            with processes.environment(folder, embedded=False):
                import django

                django.setup()
                broken = run(scenario, folder)
        except (UnavailableError, processes.UnableError) as reason:
            print(f"SKIPPED: {reason}", file=sys.stderr)
            return EXIT_SKIP
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
