"""The logs of libraries that send: they name URLs and headers, which hold the tokens and passwords of channels."""

import logging


def silence(*loggers: str) -> None:
    """Nothing of these is logged, whatever the level of the process: some tell a URL in a warning."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def keep_back(logger: str) -> None:
    """What it logs reaches its own handlers and not those of the process."""
    logging.getLogger(logger).setLevel(logging.WARNING)
    logging.getLogger(logger).propagate = False
