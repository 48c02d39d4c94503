"""CSV and text files: a file is a form. Encoding and delimiter are told from the content, and said in a finding.

Encodings: a byte order mark, else UTF-8; lines that are no UTF-8 are read as Windows-1252, the usual one of Dutch
centres' programs, and where a file has both, the cells in question are asked about.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.crf.files.headers import named
from trialbridge.crf.model import Cell, Column, Form, Record, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND = "csv"
DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FIELD = 16 * 1024 * 1024
_ODD = "encoding"


def read(path: Path) -> Source:
    """One form, named as the file without its ending. Raises UnreadableInputError."""
    findings: list[Finding] = []
    form = read_form(path.read_bytes(), path.name, path.stem, findings)
    return Source(KIND, {form.name: form}, tuple(findings))


def read_form(data: bytes, file: str, name: str, findings: list[Finding]) -> Form:
    """The form of a file's bytes."""
    text, odd = decoded(data, file, findings)
    if not text.strip():
        raise UnreadableInputError("The file is empty.", Where(file=file), "fetch it again")
    rows = list(_rows(text, file))
    _, head = rows[0]
    width = max(len(row) for _, row in rows)
    names = named({at + 1: head[at] if at < len(head) else "" for at in range(width)})
    where = Where(file=file)
    findings.extend(names.findings(where))
    long = [line for line, row in rows[1:] if len(row) > len(head)]
    if long:
        message = f"{len(long)} rows have more cells than the header, the first in line {long[0]}."
        findings.append(
            Finding(
                "TB-CRF-ROW",
                Severity.ERROR,
                Where(file=file, line=long[0]),
                message,
                "quote texts that hold the delimiter",
            )
        )
    columns = tuple(Column(one, one, label=one) for one in names.given.values())
    records = []
    for line, row in rows[1:]:
        cells = {
            columns[at].name: Cell(text, None, (_ODD,) if line in odd and not text.isascii() else ())
            for at, text in enumerate(row)
            if text.strip()
        }
        if cells:
            records.append(Record(line, cells))
    return Form(name, columns, tuple(records), file)


def decoded(data: bytes, file: str, findings: list[Finding]) -> tuple[str, frozenset[int]]:
    """The text, and the lines (from 1) whose encoding is doubtful: not UTF-8 in a file that elsewhere is."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), frozenset()
            except UnicodeDecodeError as error:
                raise UnreadableInputError(
                    f"This is no whole {encoding}.", Where(file=file), "save it as UTF-8"
                ) from error
    try:
        return data.decode("utf-8"), frozenset()
    except UnicodeDecodeError:
        pass
    lines = data.split(b"\n")
    other, texts, some = set(), [], False
    for number, line in enumerate(lines, 1):
        try:
            texts.append(line.decode("utf-8"))
            some = some or not line.isascii()
        except UnicodeDecodeError:
            texts.append(line.decode("cp1252", errors="replace"))
            other.add(number)
    if some:
        message = f"The file mixes encodings: {len(other)} lines are not UTF-8, others are."
        findings.append(
            Finding(
                "TB-CRF-ENCODING",
                Severity.WARNING,
                Where(file=file, line=min(other)),
                message,
                "export it again as UTF-8",
            )
        )
        return "\n".join(texts), frozenset(other)
    message = "The file is not UTF-8; it was read as Windows-1252."
    findings.append(Finding("TB-CRF-ENCODING", Severity.WARNING, Where(file=file), message, "export it as UTF-8"))
    return "\n".join(texts), frozenset()


def delimiter(text: str) -> str:
    """The delimiter: the one that stands most often in the first line outside quotes.

    >>> delimiter('Subject;"Weight, kg";Date'), delimiter("one column")
    (';', ',')
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(part for at, part in enumerate(first.split('"')) if at % 2 == 0)
    return max(DELIMITERS, key=lambda one: (outside.count(one), -DELIMITERS.index(one)))


def _rows(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that has cells, with its line. Raises UnreadableInputError where a quote is never closed."""
    csv.field_size_limit(_FIELD)
    sign = delimiter(text)
    if text.startswith("sep="):  # what Excel writes and reads
        first, _, rest = text.partition("\n")
        sign, text = first.strip()[4:] or sign, "\n" + rest
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableInputError(
            f"This is no CSV: {error}.", Where(file=file, line=line), "close the quote"
        ) from error


def write(source: Source, folder: Path) -> list[Path]:
    """One CSV a form, UTF-8 with a mark so that spreadsheets know it; the same columns in the same order."""
    made = []
    for form in source:
        target = folder / f"{form.name}.csv"
        with target.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([one.name for one in form.columns])
            for record in form.records:
                writer.writerow([record.text(one.name) or "" for one in form.columns])
        made.append(target)
    return made
