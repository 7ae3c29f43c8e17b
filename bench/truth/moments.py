"""When the history begins: told once by the command, and waited for by those who act in it."""

import asyncio
import time
from pathlib import Path

POLL = 0.05


def announce(folder: Path, beginning: float) -> None:
    """`beginning` is a Unix time."""
    written = folder / "begin.new"
    written.write_text(str(beginning))
    written.replace(folder / "begin")


async def announced(folder: Path) -> float:
    """The Unix time of the beginning, as soon as it is known."""
    file = folder / "begin"
    while not file.exists():
        await asyncio.sleep(POLL)
    return float(file.read_text())


async def until(moment: float) -> None:
    """Wait for a Unix time."""
    await asyncio.sleep(max(0.0, moment - time.time()))
