"""Ranges of numbers, both ends included, in order and apart."""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def holes(through: int, beyond: Iterable[Range]) -> list[Range]:
    """What is missing between a number, up to which nothing is, and the last of ranges."""
    found = []
    for first, last in beyond:
        if first > through + 1:
            found.append((through + 1, first - 1))
        through = max(through, last)
    return found


def minus(ranges: Iterable[Range], known: Sequence[Range]) -> list[Range]:
    """What of some ranges is in none of others."""
    found = []
    for first, last in ranges:
        left = first
        for begin, end in known:
            if end < left:
                continue
            if begin > last:
                break
            if begin > left:
                found.append((left, begin - 1))
            left = end + 1
        if left <= last:
            found.append((left, last))
    return found
