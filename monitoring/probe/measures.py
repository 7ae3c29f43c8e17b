"""What libcurl measured of a hop that has ended: https://curl.se/libcurl/c/curl_easy_getinfo.html"""

import pycurl

from monitoring.probe.types import Phases


def phases(curl: pycurl.Curl, *, lookup: float, is_answered: bool) -> Phases:
    """The phases of the hop; `lookup` is the seconds that its name took before libcurl had it."""
    getinfo = curl.getinfo
    # Microseconds since the hop began, 0 where it never came so far.
    dns, connect = getinfo(pycurl.NAMELOOKUP_TIME_T), getinfo(pycurl.CONNECT_TIME_T)
    tls, first_byte = getinfo(pycurl.APPCONNECT_TIME_T), getinfo(pycurl.STARTTRANSFER_TIME_T)
    return Phases(
        dns=lookup + dns / 1e6 if dns else None,
        connect=(connect - dns) / 1e6 if connect else None,
        tls=(tls - connect) / 1e6 if tls else None,
        # libcurl also notes the moment of a failure here.
        first_byte=(first_byte - (tls or connect)) / 1e6 if is_answered else None,
    )


def content_type(curl: pycurl.Curl) -> str:
    raw = curl.getinfo_raw(pycurl.CONTENT_TYPE)
    return raw.decode("latin-1") if raw else ""
