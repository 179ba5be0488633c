"""Which files were opened, whoever opened them: to show that a decoder left one alone."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened_files(folder: Path) -> Iterator[set[str]]:
    """The names of files in `folder` that any process opened, complete when the context ends (Linux only)."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = os.fdopen(libc.inotify_init1(os.O_NONBLOCK), "rb", buffering=0)
    names: set[str] = set()
    with watch:
        if libc.inotify_add_watch(watch.fileno(), os.fsencode(folder), 0x20) < 0:  # IN_OPEN
            raise OSError(ctypes.get_errno(), "inotify_add_watch failed")
        yield names
        while events := watch.read(2**20):
            while events:
                length = struct.unpack("iIII", events[:16])[3]
                names.add(os.fsdecode(events[16 : 16 + length].rstrip(b"\0")))
                events = events[16 + length :]
