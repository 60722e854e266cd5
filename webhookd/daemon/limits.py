"""What one port bears of its clients (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts, bytes and seconds; whoever goes beyond is answered so or closed."""

    connections: int = 1500  # at once; a further one takes the place of the one that was quiet the longest
    threads: int = 4  # for what is not answered in the loop
    small_body: int = 64 * 1024  # bytes; a larger one waits in a file, and a thread of its own reads it
    bodies: int = 256 * 1024**2  # bytes of unfinished large bodies; beyond, the one that began first is ended
    head: int = 16 * 1024  # bytes of a request line and its headers
    head_within: float = 10.0  # seconds for a first request to begin, and for any head to be whole
    request_within: float = 30.0  # seconds for a whole request; forges give up after 10
    stored_within: float = 20.0  # seconds for the store to take a delivery
    answer_within: float = 15.0  # seconds for an answer to be taken off our hands
    idle: float = 75.0  # seconds between two requests; longer than nginx keeps a connection for use again
    idle_when_draining: float = 1.0  # seconds
    sweep: float = 1.0  # seconds between two looks for what takes too long
    linger: float = 3.0  # seconds for a sender to notice an answer that came before it was done
