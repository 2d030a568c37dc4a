"""How rows are packed into the `data` of one block: what one device sent between two commits.

All numbers are little-endian. Every block begins with its format (u8), whether it is sealed (u8),
a width (u16) and a count of rows n (u32); then one column after the other; and where it is
sealed (1), last, a CRC-32 (u32) of all before it. Blocks of before are not (0).

    FULL    n u64 seq | n f64 observed_at | n f64 received_at
            | n * width f64 values
            Every row has all of the description's numerics, in order, all valid.
    SPARSE  n u64 seq | n f64 observed_at | n f64 received_at
            | n u16 number of values | n u16 number of indices | n u16 number of validities
            | f64 values | u16 indices | u8 validities, each of all rows, joined
    SAMPLES n u64 seq | n f64 start_at | n f64 received_at
            | n u16 channel | n u32 number of bytes | the samples, joined

The width is that of a FULL row and 0 elsewhere. NaN stays NaN. A format is never changed:
a new one gets a new number, and the old ones stay readable.
"""

from collections.abc import Sequence
from itertools import accumulate, chain, islice, pairwise
from struct import Struct, calcsize, error, pack, unpack_from
from typing import Any, Final, NamedTuple
from zlib import crc32

from rpm_service.application.effects import NumericRow, WaveformRow

FULL: Final = 1
SPARSE: Final = 2
SAMPLES: Final = 3

SEALED: Final = 1
HEAD: Final = Struct("<BBHI")
SEAL: Final = Struct("<I")


class BlockUnreadable(Exception):
    """The data is not a block of a format known here."""


class Block(NamedTuple):
    """Packed rows, and what an index needs to know of them; times are the device's own."""

    first_seq: int
    last_seq: int
    first_at: float
    last_at: float
    row_count: int
    data: bytes


def pack_numerics(rows: Sequence[NumericRow]) -> Block:
    """Packs at least one row."""
    seqs, observed, received, values, indices, validity = zip(*rows, strict=True)
    count = len(rows)
    widths = [*map(len, values)]
    width = widths[0]
    if widths.count(width) == count and not any(indices) and not any(validity):
        data = pack(
            f"<BBHI{count}Q{(2 + width) * count}d",
            FULL, SEALED, width, count, *seqs, *observed, *received, *chain.from_iterable(values),
        )  # fmt: skip
    else:
        data = b"".join(
            (
                pack(
                    f"<BBHI{count}Q{2 * count}d",
                    SPARSE,
                    SEALED,
                    0,
                    count,
                    *seqs,
                    *observed,
                    *received,
                ),
                pack(f"<{3 * count}H", *widths, *map(len, indices), *map(len, validity)),
                _packed("d", values),
                _packed("H", indices),
                _packed("B", validity),
            )
        )
    return Block(min(seqs), max(seqs), min(observed), max(observed), count, sealed(data))


def sealed(data: bytes) -> bytes:
    """Puts the seal to what says that it is sealed."""
    return data + SEAL.pack(crc32(data))


def unsealed(data: bytes) -> bytes:
    """What is in a block that is as it was written. Raises BlockUnreadable."""
    if len(data) < HEAD.size:
        raise BlockUnreadable(f"{len(data)} bytes")
    if data[1] != SEALED:
        return data
    body = data[: -SEAL.size]
    if SEAL.unpack(data[-SEAL.size :]) != (crc32(body),):
        raise BlockUnreadable("its bytes are not those that were written")
    return body


def _packed(code: str, columns: Sequence[Sequence[float]]) -> bytes:
    joined = [*chain.from_iterable(columns)]
    return pack(f"<{len(joined)}{code}", *joined)


def pack_waveforms(rows: Sequence[WaveformRow]) -> Block:
    """Packs at least one row."""
    seqs, channels, start, received, samples = zip(*rows, strict=True)
    count = len(rows)
    head = pack(
        f"<BBHI{count}Q{2 * count}d{count}H{count}I",
        SAMPLES, SEALED, 0, count, *seqs, *start, *received, *channels, *map(len, samples),
    )  # fmt: skip
    data = b"".join((head, *samples))
    return Block(min(seqs), max(seqs), min(start), max(start), count, sealed(data))


def unpack_numerics(data: bytes) -> list[NumericRow]:
    """Gives the rows back as they were. Raises BlockUnreadable."""
    reader = _Reader(data, FULL, SPARSE)
    count = reader.count
    stamps = [reader.take("Q", count), reader.take("d", count), reader.take("d", count)]
    if reader.format == FULL:
        values = reader.split("d", [reader.width] * count)
        nothing: list[tuple[int, ...]] = [()] * count
        columns = [values, nothing, nothing]
    else:
        sizes = [reader.take("H", count) for _ in range(3)]
        columns = [reader.split(code, each) for code, each in zip("dHB", sizes, strict=True)]
    reader.end()
    return [NumericRow(*row) for row in zip(*stamps, *columns, strict=True)]


def unpack_waveforms(data: bytes) -> list[WaveformRow]:
    """Gives the rows back as they were. Raises BlockUnreadable."""
    reader = _Reader(data, SAMPLES)
    count = reader.count
    seqs, start, received = (reader.take(code, count) for code in "Qdd")
    channels, sizes = reader.take("H", count), reader.take("I", count)
    samples = reader.slices(sizes)
    reader.end()
    return [WaveformRow(*row) for row in zip(seqs, channels, start, received, samples, strict=True)]


def times_received(data: bytes) -> tuple[float, ...]:
    """When each row of a block was received: in the same place in every format.

    Raises BlockUnreadable.
    """
    reader = _Reader(data, FULL, SPARSE, SAMPLES)
    reader.take("Q", reader.count)
    reader.take("d", reader.count)
    return reader.take("d", reader.count)


class _Reader:
    """Takes a block apart from its beginning. Raises BlockUnreadable."""

    def __init__(self, data: bytes, *formats: int) -> None:
        self._data = data = unsealed(data)
        self._at = HEAD.size
        if data[0] not in formats:
            raise BlockUnreadable(f"{len(data)} bytes that begin with {data[:1].hex()}")
        self.format, _, self.width, self.count = HEAD.unpack_from(data)

    def take(self, code: str, count: int) -> tuple[Any, ...]:
        """The next numbers, all of one type."""
        layout = f"<{count}{code}"
        try:
            numbers = unpack_from(layout, self._data, self._at)
        except error as short:
            raise BlockUnreadable(str(short)) from short
        self._at += calcsize(layout)
        return numbers

    def split(self, code: str, sizes: Sequence[int]) -> list[tuple[Any, ...]]:
        """The next numbers, dealt out to rows."""
        joined = iter(self.take(code, sum(sizes)))
        return [tuple(islice(joined, size)) for size in sizes]

    def slices(self, sizes: Sequence[int]) -> list[bytes]:
        """The next bytes, dealt out to rows."""
        ends = list(accumulate(sizes, initial=self._at))
        self._at = ends[-1]
        return [self._data[begin:end] for begin, end in pairwise(ends)]

    def end(self) -> None:
        """Nothing is missing, and nothing is left over."""
        if self._at != len(self._data):
            raise BlockUnreadable(f"{len(self._data)} bytes where {self._at} belong")
