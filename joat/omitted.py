"""The default of arguments for which None is a mistake, not a default."""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal


class Omitted(Enum):
    """The type of `OMITTED`; an Enum, since type checkers narrow on its members."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final[Literal[Omitted.OMITTED]] = Omitted.OMITTED
