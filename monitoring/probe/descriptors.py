"""How many checks a process may make at once: each needs descriptors, and the system lends only so many."""

import resource

# Descriptors: asked for, left to the rest of the process, and taken at most by one check while it
# tries two addresses at the same time.
DESCRIPTORS_WANTED = 65_536
DESCRIPTORS_LEFT = 256
DESCRIPTORS_PER_CHECK = 2
FEWEST_AT_ONCE = 64


def checks_at_once() -> int:
    """How many checks the process has descriptors for; asks the system for many first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    available = DESCRIPTORS_WANTED if soft == resource.RLIM_INFINITY else soft
    return max(FEWEST_AT_ONCE, (available - DESCRIPTORS_LEFT) // DESCRIPTORS_PER_CHECK)
