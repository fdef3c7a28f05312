"""Whether the kernel's clock is kept by somebody who knows the time, such as NTP."""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from collections.abc import Callable

log = logging.getLogger(__name__)

# adjtimex(2).  `struct timex` begins with the int `modes`, and 0 there only asks.  What comes back
# is in the return value, so nothing is read out of the struct, which is 208 bytes on 64-bit Linux.
TIMEX_BYTES = 512
TIME_ERROR = 5  # the clock is not synchronised


def synchronised() -> bool | None:
    """Whether it is; None where nobody can say: no Linux, or a container that may not ask."""
    adjtimex = _adjtimex()
    if adjtimex is None:
        return None
    state = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != TIME_ERROR


@functools.cache
def _adjtimex() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError) as error:
        log.debug("the kernel's clock cannot be asked: %s", error)
        return None
    found.restype, found.argtypes = ctypes.c_int, (ctypes.c_char_p,)
    return found
