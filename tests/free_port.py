"""A port for a server of a test."""

import socket


def find_free_port() -> int:
    """A port that nobody listens on, for a server that must be told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
