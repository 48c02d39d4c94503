"""Databases by SQLAlchemy: a table is a form.

The connection string comes from the environment or a file, never from the command line: `env:TRIAL_DB` names the
variable, a file ending in .dburl holds it, an SQLite file is one itself. A string may end in `#schema`. Messages name the source, never the string, which may hold a password.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.crf.files.parquet import form_of_rows
from trialbridge.crf.model import Column, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

KIND = "sql"
ORDER = "_row"
"""The column that keeps the rows' order in tables we write."""
ROWS_AT_A_TIME = 1000


def address(path: Path) -> tuple[str, str | None]:
    """The connection string and the schema that a source stands for. Raises UnreadableInputError."""
    text = str(path)
    if text.startswith("env:"):
        found = os.environ.get(text[4:], "")
        if not found:
            raise UnreadableInputError(
                f"The environment has no {text[4:]}.", fix=f"set {text[4:]} to the connection string"
            )
    elif path.suffix == ".dburl":
        try:
            found = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UnreadableInputError(
                "The file with the connection string cannot be read.", Where(file=text)
            ) from error
    else:
        return f"sqlite:///{path.resolve()}", None
    string, _, schema = found.partition("#")
    return string, schema or None


@contextmanager
def connected(path: Path) -> Iterator[tuple[Connection, str | None]]:
    """A connection in one transaction, and the schema: committed at the end, rolled back on an error."""
    try:
        import sqlalchemy  # noqa: PLC0415 - an extra
    except ImportError:
        raise UnreadableInputError("Databases need SQLAlchemy.", fix="pip install 'trialbridge[sql]'") from None
    string, schema = address(path)
    try:
        engine = sqlalchemy.create_engine(string)
    except (sqlalchemy.exc.ArgumentError, ImportError, ValueError) as error:
        what = f"The connection string cannot be used ({type(error).__name__})."
        raise UnreadableInputError(
            what, Where(file=str(path)), "write it as postgresql+psycopg://user@host/database"
        ) from None
    try:
        with engine.begin() as connection:
            yield connection, schema
    except sqlalchemy.exc.SQLAlchemyError as error:  # the text of the error may hold the string
        raise UnreadableInputError(
            f"The database refused ({type(error).__name__}).",
            Where(file=str(path)),
            "check the address, the rights and the table",
        ) from None
    finally:
        engine.dispose()


def read(path: Path) -> Source:
    """Every table and view of the schema as a form, rows in the order of the primary key. Raises UnreadableInputError."""
    import sqlalchemy  # noqa: PLC0415 - an extra

    with connected(path) as (connection, schema):
        inspector = sqlalchemy.inspect(connection)
        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        forms = {}
        for name in names:
            table = sqlalchemy.Table(name, sqlalchemy.MetaData(), autoload_with=connection, schema=schema)
            rows = connection.execute(sqlalchemy.select(table).order_by(*table.primary_key.columns))
            columns = [Column(one.name, one.name, type=_type(one.type)) for one in table.columns]
            form = form_of_rows(name, columns, (tuple(row) for row in rows), path.name if ":" not in str(path) else "")
            forms[name] = form
    return Source(KIND, forms)


def _type(kind: Any) -> str:
    """`number`, `date` or `text` of a column's type."""
    try:
        held = kind.python_type
    except NotImplementedError:
        return "text"
    if issubclass(held, int | float | Decimal) and held is not bool:
        return "number"
    return "date" if issubclass(held, dt.date) else "text"


def write(path: Path, tables: Mapping[str, tuple[Sequence[tuple[str, bool]], Sequence[Sequence[Any]]]]) -> int:
    """Tables by name: columns with whether they are numbers, and rows; all in one transaction. How many rows.

    A table of the same name is replaced. A running number keeps the rows' order (`_row`). Raises UnreadableInputError.
    """
    import sqlalchemy  # noqa: PLC0415 - an extra

    count = 0
    with connected(path) as (connection, schema):
        for name, (columns, rows) in tables.items():
            made = sqlalchemy.Table(
                name,
                sqlalchemy.MetaData(),
                sqlalchemy.Column(ORDER, sqlalchemy.Integer, primary_key=True, autoincrement=False),
                *(
                    sqlalchemy.Column(column, sqlalchemy.Double() if number else sqlalchemy.Text())
                    for column, number in columns
                ),
                schema=schema,
            )
            made.drop(connection, checkfirst=True)
            made.create(connection)
            names = [ORDER, *(column for column, _ in columns)]
            batch = [dict(zip(names, (number, *row), strict=True)) for number, row in enumerate(rows, 1)]
            for start in range(0, len(batch), ROWS_AT_A_TIME):
                connection.execute(made.insert(), batch[start : start + ROWS_AT_A_TIME])
            count += len(batch)
    return count
