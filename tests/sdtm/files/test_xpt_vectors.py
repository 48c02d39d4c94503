"""XPORT's vector kernels: whatever a column holds, pyreadstat reads the same; texts in buffers, slices, other encodings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyreadstat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbridge.base.errors import UnreadableInputError
from trialbridge.sdtm.files import fixed_width, ibm_float, xpt, xpt_write
from trialbridge.sdtm.table import Variable, study, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGEST = math.nextafter(16.0**63, 0)
SMALLEST = 16.0**-65
HELD = (
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 7.2e75, -7.2e75, 1 / 3, 5.4e-79, SMALLEST, LARGEST, 2.0**53, 1e-70])
    | st.floats(SMALLEST, LARGEST)
    | st.floats(-LARGEST, -SMALLEST)
    | st.integers(-(2**53), 2**53).map(float)
)
LETTERS = st.characters(min_codepoint=1, codec="utf-8", exclude_categories=("Cs",))


def bytes_of(text: str, encoding: str = "utf-8") -> int:
    """A text's size in a file."""
    return len(text.encode(encoding))


UTF_8 = st.text(LETTERS, max_size=66).filter(lambda text: bytes_of(text) <= 200)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
AROUND_TWELVE = st.integers(9, 15).flatmap(lambda size: st.text("ab é", min_size=size, max_size=size))
TEXTS = st.none() | UTF_8 | ASCII | AROUND_TWELVE


def as_read(texts: list[str | None]) -> list[str | None]:
    """What is left of texts in XPORT: no trailing blanks, no difference between empty and missing."""
    return [(text or "").rstrip(" ") or None for text in texts]


def by_pyreadstat(path: Path, encoding: str = "UTF-8") -> pl.DataFrame:
    """The file as ReadStat has it, with nulls as we have them."""
    frame, _ = pyreadstat.read_xport(str(path), output_format="polars", encoding=encoding)
    numbers = frame.with_columns(pl.col(pl.Float64).fill_nan(None))
    return numbers.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))


@given(st.lists(st.tuples(TEXTS, st.none() | HELD, st.none() | AROUND_TWELVE), min_size=1, max_size=40))
@example([("x" * 200, -0.0, "a" * 12), (None, 7.2e75, "b" * 13), ("é" * 100, 1 / 3, None)])
def test_pyreadstat_reads_any_column_as_we_do(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """A text or number would be written or read otherwise than ReadStat has it; minus zero as a missing value."""
    frame = pl.DataFrame(rows, {"T": pl.String, "N": pl.Float64, "S": pl.String}, orient="row")
    frame = frame.with_columns(KEEP=pl.lit(1.0), EMPTY=pl.lit(None, pl.String))
    path = xpt.write(study([table("DM", frame)]), tmp_path_factory.mktemp("any"), encoding="utf-8")[0]
    theirs, ours = by_pyreadstat(path), xpt.read(path)["DM"].frame
    for name in ("T", "S"):
        assert ours[name].to_list() == theirs[name].to_list() == as_read(frame[name].to_list())
    assert ours["EMPTY"].null_count() == theirs["EMPTY"].null_count() == len(rows)
    numbers = frame["N"].to_list()
    assert ours["N"].to_list() == theirs["N"].to_list() == numbers


@given(st.lists(HELD.filter(lambda value: abs(value) < 16.0**62), max_size=20))  # ReadStat's own limit
def test_what_pyreadstat_writes_is_read_alike(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    """A number of ReadStat's files would be read otherwise than ReadStat reads it."""
    path = tmp_path_factory.mktemp("theirs") / "dm.xpt"
    pyreadstat.write_xport(pl.DataFrame({"A": [1.0, *values]}), path, table_name="DM", file_format_version=5)
    assert xpt.read(path)["DM"].frame["A"].to_list() == by_pyreadstat(path)["A"].to_list()


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("windows-1252", "aé€ß x"),
        ("iso-8859-1", "añ ý"),
        ("shift_jis", "a日本ｱ x"),
        ("euc-kr", "a한국 x"),
        ("gb18030", "a中 €"),
    ],
)
def test_other_encodings(encoding: str, letters: str, tmp_path: Path) -> None:
    """Text of another encoding would be written or read as UTF-8, or its bytes be counted as UTF-8's."""
    texts = [letters, None, "plain", letters * 6, letters[:1], "x" * 13, "  " + letters]
    one = table("DM", pl.DataFrame({"T": texts, "P": ["plain"] * 7, "N": [1.5] * 7}))
    path = xpt.write(study([one]), tmp_path, encoding=encoding)[0]
    assert path.stat().st_size < 3000
    back = xpt.read(path, encoding=encoding)["DM"]
    assert back.frame["T"].to_list() == as_read(texts)
    assert back.variables[0].length == bytes_of(letters * 6, encoding)
    assert by_pyreadstat(path, encoding.upper())["T"].to_list() == as_read(texts)


def test_an_encoding_unlike_ascii(tmp_path: Path) -> None:
    """EBCDIC's bytes below 128, which are other letters than ASCII's, would be taken for ASCII."""
    one = table("DM", pl.DataFrame({"T": ["./a", "x+y"]}))  # in code page 500: 4B 61 81, A7 4E A8
    path = xpt.write(study([one]), tmp_path, encoding="cp500")[0]
    assert bytes.fromhex("4B6181A74EA8") in path.read_bytes()
    (back,) = xpt.read(path, encoding="cp500")
    assert back.frame.to_series().to_list() == ["./a", "x+y"]


@pytest.mark.parametrize("cells", [(b"ab\xc3", b"\xa9cd"), (b"a\xff ", b"abc"), (b"abc", b"\xa9  ")])
def test_a_character_cut_between_two_rows(cells: tuple[bytes, bytes]) -> None:
    """Two halves of a character in neighbouring cells would pass as UTF-8, since together they are."""
    block = np.frombuffer(b"".join(cells), np.uint8).reshape(2, 3)
    assert fixed_width.to_texts("A", block, 0, 3) is None


def test_the_row_of_a_wrong_byte_is_named(tmp_path: Path) -> None:
    """The error would name another row than the one that is not UTF-8."""
    one = table("DM", pl.DataFrame({"T": ["fine"] * 70 + ["Müller"] + ["fine"] * 9}))
    path = xpt.write(study([one]), tmp_path, encoding="latin-1")[0]
    with pytest.raises(UnreadableInputError, match="DM, row 71, T: The text is not utf-8"):
        xpt.read(path)


def many_buffers() -> pl.Series:
    """Texts in several of polars' buffers, short ones between."""
    parts = [pl.Series([f"text number {at} of buffer {part}", "short"] * 3) for part, at in enumerate(range(5))]
    return pl.concat(parts, rechunk=False)


def nulls_over_texts() -> pl.Series:
    """Nulls where texts stood, which polars may leave in memory."""
    texts = pl.Series(["é" * 20, "long enough to stand in a buffer ", "short ", "x"] * 3)
    return texts.set(pl.Series([False, True, True, False] * 3), None)


def part_of_a_long_column() -> pl.Series:
    """Few rows of a column with large buffers, of which one text is not ASCII."""
    texts = pl.Series([f"patient {at} of a long list of patients" for at in range(5000)] + ["é" * 13])
    return texts[4990:4998]


@pytest.mark.parametrize(
    "made",
    [
        many_buffers,
        nulls_over_texts,
        part_of_a_long_column,
        lambda: pl.Series(["x" * 200]),
        lambda: pl.Series(["a" * 30, "b" * 190, "tail of the buffer"]),
        lambda: pl.Series(["blank at end " + " " * 50, "x", "y" * 40, "z" + " " * 80]),
        lambda: pl.Series(["short   ", "shorter", None]),
        lambda: pl.Series([None, None], dtype=pl.String),
    ],
)
def test_texts_wherever_polars_keeps_them(made: Callable[[], pl.Series], tmp_path: Path) -> None:
    """A text in another buffer, at a buffer's end, in a slice or under a null would be written wrongly."""
    frame = pl.DataFrame({"T": made(), "KEEP": pl.Series([1.0] * len(made()))})
    path = xpt.write(study([table("DM", frame)]), tmp_path, encoding="utf-8")[0]
    back = xpt.read(path)["DM"]
    assert back.frame["T"].to_list() == by_pyreadstat(path)["T"].to_list() == as_read(made().to_list())
    longest = max((bytes_of(text) for text in as_read(made().to_list()) if text), default=1)
    assert back.variables[0].length == longest


def test_a_column_declared_far_too_wide(tmp_path: Path) -> None:
    """A declared length of thousands would take memory with its square, or spoil the texts."""
    texts = ["x" * 200, None, "short", " y "]
    one = table("DM", pl.DataFrame({"T": texts, "N": [1.0] * 4}), [Variable("T", length=32_000)])
    path = xpt.write(study([one]), tmp_path)[0]
    assert xpt.read(path)["DM"].frame["T"].to_list() == by_pyreadstat(path)["T"].to_list() == as_read(texts)


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    """Rows beyond the first block would be lost, or stand at another place."""
    rows = 2 * xpt_write.BLOCK + 3
    frame = pl.DataFrame({"N": np.arange(rows) / 8.0, "T": pl.Series([f"row {at}" for at in range(rows)])})
    one = table("DM", frame.with_columns(pl.when(pl.col("N") > 3).then("T").alias("T")))
    path = xpt.write(study([one]), tmp_path)[0]
    assert xpt.read(path)["DM"].frame.equals(one.frame)
    assert by_pyreadstat(path).equals(one.frame)


def test_a_column_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a column too large to be made texts at one go a piece would be lost, or a byte that is not UTF-8 be passed."""
    monkeypatch.setattr(fixed_width, "AT_ONCE", 32)
    texts = [None if at % 3 == 0 else f"row {at}" + "x" * (at % 2 * 9) for at in range(50)]
    block = fixed_width.to_cells(pl.Series(texts, dtype=pl.String), 16)
    found = fixed_width.to_texts("A", block, 0, 16)
    assert found is not None
    assert found.to_list() == texts
    block[41, 3] = 0xFF
    assert fixed_width.to_texts("A", block, 0, 16) is None


# --- numbers, by whole columns ---

BITS = st.integers(0, 2**64 - 1) | st.builds(
    lambda sign, exponent, fraction: sign << 63 | exponent << 56 | fraction,
    st.integers(0, 1),
    st.integers(0, 127),
    st.integers(0, 2**56 - 1) | st.sampled_from([0, 1, 8, 1 << 52, 1 << 55, (1 << 56) - 1, (1 << 56) - 8]),
)


@given(st.lists(BITS, min_size=1, max_size=60))
@example([0, 1 << 63, 0x2E << 56, 0x41 << 56, 0x5F << 56, 0x5B << 56, 0x40 << 56, 0x7FFFFFFFFFFFFFF8])
def test_numbers_of_any_bits(bits: list[int]) -> None:
    """A special missing value would pass as a number, or bits that do not come back as such that do."""
    array = np.array(bits, np.uint64)
    letters = {ord(one) for one in "._ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # TS-140, "Missing values"
    assert ibm_float.is_missing(array).tolist() == [not one % 2**56 and one >> 56 in letters for one in bits]
    exact = [(-1) ** (one >> 63) * (one % 2**56) * 16.0 ** ((one >> 56) % 128 - 64) / 2**56 for one in bits]
    decoded = ibm_float.decode(array)
    assert decoded.tolist() == exact
    same = ibm_float.encode(decoded) == array
    held = ibm_float.fits(decoded)
    assert (ibm_float.returns(array) & held).tolist() == (same & held).tolist()
