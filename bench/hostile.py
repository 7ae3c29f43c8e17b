"""The servers of all hostile answers, as the tests have them, in a process of their own.

`python -m bench.hostile FOLDER` writes `cases.json` (a list of `bench.scenarios.Hostile`) and `ca.pem` to trust into
the folder, prints one line when it is ready, and serves until it is ended.
"""

import json
import signal
import sys
from pathlib import Path

from bench.scenarios import Hostile
from monitoring.tests.hostile import CASES
from monitoring.tests.hostile_servers import serving


def main() -> None:
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with serving(CASES, folder) as (urls, _):
        cases = [Hostile(urls[case.title], case.fields, case.title, case.http_status, case.error) for case in CASES]
        (folder / "cases.json").write_text(json.dumps(cases))
        print("ready", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
