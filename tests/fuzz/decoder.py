"""Fuzz the way in with raw bytes, and with the same bytes as text.

The signature can hardly be right, so that this is about what a stranger can send.
"""

from __future__ import annotations

import oracle


def one_input(data: bytes) -> None:
    """Judge the bytes, and the text that they spell."""
    oracle.judge(data)
    oracle.judge(data.decode("utf-8", "surrogateescape"))
