"""Damaged copies of a sound example, drawn by Hypothesis, and what is tried with each.

FUZZ says how many; a fixed sequence without it, another each time with it. With FUZZ_S as many
again until that many seconds are over.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestseller.base.errors import BestsellerError

EXAMPLES = int(os.environ.get("FUZZ", "60"))
SECONDS = float(os.environ.get("FUZZ_S", "inf"))
TOKENS = [
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"<![CDATA[",
        b"<!--",
        b"]]>",
        b"\\u0000",
    ),
    *(
        b"[" * 3_000,
        b"<div>" * 3_000,
        b"{" * 3_000,
        b"9" * 400,
        b"-1e999",
        b"NaN",
        b"null",
        b"&amp;",
    ),
    *(
        b"http://[bad",
        b"//",
        b"file:///etc/passwd",
        b"../../x",
        b"\xd9\xa1",
        b"\r\n",
        b'"',
        b"'",
        b",",
    ),
    *(
        b"!!python/object",
        b"&a [*a]",
        b"? ",
        b": ",
        b"\t",
        b"~",
        b"0x7f",
        b"2024-02-30",
        b"12:30:45",
    ),
]
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def damaged(example: bytes) -> st.SearchStrategy[bytes]:
    """Draw damaged copies of an example."""
    change = st.tuples(
        st.sampled_from(["cut", "flip", "drop", "repeat", "put"]),
        st.floats(0, 1),
        st.integers(1, 64),
        st.sampled_from(TOKENS),
    )

    def apply(changes: list[tuple[str, float, int, bytes]]) -> bytes:
        data = example
        for kind, where, length, token in changes:
            at = int(where * len(data))
            if kind == "cut":
                data = data[: max(at, 1)]
            elif kind == "flip" and data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ (1 << length % 8)]) + data[at + 1 :]
            elif kind == "drop":
                data = data[:at] + data[at + length :]
            elif kind == "repeat":
                data = data[: at + length] + data[at:]
            else:
                data = data[:at] + token + data[at:]
        return data

    return st.lists(change, min_size=1, max_size=4).map(apply)


def in_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    """Return what reads bytes by way of a file."""

    def read_bytes(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            return read(path)

    return read_bytes


def try_damaged(
    example: bytes, read: Callable[[bytes], object], refusals: tuple[type[Exception], ...]
) -> int:
    """Read damaged copies of an example, each of which is taken or refused as promised.

    Args:
        example: a sound one, which is taken.
        read: the reader.
        refusals: what it may raise, with a reason.

    Returns:
        How many were read; printed with the CPU seconds that took where FUZZ asks for more.
    """
    tried, begun = 0, time.process_time()
    end = time.monotonic() + SECONDS

    def try_one(data: bytes) -> None:
        nonlocal tried
        tried += 1
        try:
            read(data)
        except refusals as error:
            assert str(error), "a refusal says why"
            assert not isinstance(error, BestsellerError) or "\n" not in str(error)

    read(example)
    draw = FUZZED(given(damaged(example))(try_one))
    draw()
    while time.monotonic() < end < float("inf"):
        draw()
    if "FUZZ" in os.environ:
        print(f" {tried} read in {time.process_time() - begun:.0f} CPU seconds", flush=True)
    return tried
