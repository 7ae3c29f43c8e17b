"""The process that `monitoring.probe.searching` starts: it searches what it is sent, until there is nothing more."""

import signal
import socket

from monitoring.probe.matching import compiled_pattern, find_matches
from monitoring.probe.searching import QUESTION, SEARCH_SECONDS, answer_of


def main() -> None:
    with socket.socket(fileno=0) as connection, connection.makefile("rwb") as stream:
        while len(head := stream.read(QUESTION.size)) == QUESTION.size:
            pattern_size, text_size = QUESTION.unpack(head)
            compiled = compiled_pattern(stream.read(pattern_size).decode())
            text = stream.read(text_size)
            # Its signal ends the process: RE2 looks at nothing but the text until it is done.
            signal.setitimer(signal.ITIMER_PROF, SEARCH_SECONDS)
            matches = find_matches(compiled, text)
            signal.setitimer(signal.ITIMER_PROF, 0)
            stream.write(answer_of(matches))
            stream.flush()


if __name__ == "__main__":
    main()
