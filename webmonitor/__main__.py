"""Runs a command without the variables that are set and empty: `python -m webmonitor COMMAND ARGUMENTS...`.

They are taken out when the package is imported, so before anything of the command reads them.
"""

import os
import sys


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m webmonitor COMMAND ARGUMENTS...")
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command is what it is for
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be run: {error.strerror}.")


if __name__ == "__main__":
    main()
