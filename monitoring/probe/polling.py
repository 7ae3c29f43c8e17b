"""epoll's terms and libcurl's."""

import select

import pycurl

EPOLL_MASKS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


def select_bits(events: int) -> int:
    """What epoll saw, in libcurl's terms."""
    bits = 0
    if events & select.EPOLLIN:
        bits |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        bits |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        bits |= pycurl.CSELECT_ERR
    return bits
