#!/usr/bin/env python
"""Django's command line for webmonitor: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    from webmonitor.environment import refuse_bad_configuration

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmonitor.settings")
    with refuse_bad_configuration():
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
