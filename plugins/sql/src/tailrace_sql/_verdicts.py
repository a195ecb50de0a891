"""Verdicts: what an error of a database means for the batch it met.

A batch is one transaction, so that an error before its COMMIT says for sure that nothing of it was
done. Only a COMMIT without an answer leaves that open.
"""

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

import tailrace

_QUOTED = re.compile(r"""(["'])(?:(\w+): )?.*?\1""", re.DOTALL)
_GONE = "the connection broke during COMMIT, and nothing tells whether it was done"

_REASONS = {
    "23505": "unique",
    "23503": "foreign_key",
    "23502": "null",
    "23514": "check",
    "22001": "too_long",
    "22003": "out_of_range",
}
_REFUSED = ("22", "23", "44", "54", "P0", "21", "42804", "42846")
_AGAIN = ("40", "53", "55006", "55P03", "57", "08", "25P03")
_LOST = ("08", "57P", "40003")
_HINTS = {
    "42501": "; grant the role what it needs: the plugin's README shows how",
    "42P01": "; create the table, or give create = true",
    "42703": "; the table was changed while the run went on: run again",
    "25006": "; give the address of a database that can be written to",
}
_LOGIN = re.compile(
    r"authentication failed|no password|(role|database) .* does not exist|pg_hba|permission denied"
    r"|does not support SSL|invalid (connection option|dsn)",
    re.IGNORECASE,
)
_SQLITE = {
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_NOTNULL": "null",
    "SQLITE_CONSTRAINT_CHECK": "check",
}
_DUCKDB = {
    "foreign key": "foreign_key",
    "NOT NULL": "null",
    "CHECK": "check",
    "Duplicate": "unique",
    "unique": "unique",
}
_MYSQL: Mapping[int, str] = {
    1062: "unique",
    1048: "null",
    1364: "null",
    1406: "too_long",
    1264: "out_of_range",
    1292: "type",
    1366: "type",
    1452: "foreign_key",
    3819: "check",
}
_MYSQL_AGAIN = (1205, 1213, 1040, 2003, 2006, 2013)


def of_postgres(error: Any, *, committing: bool = False) -> tailrace.WriteError:
    """Judge an error of psycopg, by its SQLSTATE; values of rows are left out."""
    state = error.sqlstate or ""
    if state:
        told = error.diag.message_primary or type(error).__name__
    else:
        told = " ".join(str(error).split())
    if committing and (not state or state.startswith(_LOST)):
        return tailrace.UnansweredError(f"{_GONE}: {told}")
    if state.startswith(_REFUSED):
        if state.startswith("22"):
            told = told.partition(': "')[0]
        reason = _REASONS.get(state, "data")
        return tailrace.RejectedError(f"{told} (SQLSTATE {state})", reason=reason)
    if state.startswith(_AGAIN):
        return tailrace.RetryableError(f"{told} (SQLSTATE {state})")
    if state:
        return tailrace.FatalError(f"{told} (SQLSTATE {state}){_HINTS.get(state, '')}")
    return _without_state(error, told)


def _without_state(error: Any, told: str) -> tailrace.WriteError:
    """Judge what never reached the server, or lost it."""
    if _LOGIN.search(told):
        return tailrace.FatalError(f"{told}; look at the option url")
    kinds = {each.__name__ for each in type(error).__mro__}
    if kinds & {"DataError", "ProgrammingError", "NotSupportedError"}:
        return tailrace.RejectedError(f"a value has no form there: {told}", reason="type")
    return tailrace.RetryableError(told)


def of_sqlite(error: Any, *, committing: bool = False) -> tailrace.WriteError:
    """Judge an error of sqlite3."""
    code = getattr(error, "sqlite_errorname", "") or ""
    told = str(error)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return tailrace.RetryableError(f"{told}: somebody else is writing to the file")
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError)):
        return tailrace.RejectedError(told, reason=_SQLITE.get(code, "data"))
    if committing:
        return tailrace.UnansweredError(f"{_GONE}: {told}")
    if isinstance(error, (sqlite3.InterfaceError, sqlite3.ProgrammingError)) and not code:
        return tailrace.RejectedError(f"a value has no form there: {told}", reason="type")
    return tailrace.FatalError(told)


def of_duckdb(error: Any, *, committing: bool = False) -> tailrace.WriteError:
    """Judge an error of DuckDB; values of rows are left out."""
    import duckdb

    told = without_values(str(error))
    if isinstance(error, (duckdb.IntegrityError, duckdb.DataError)):
        reason = next((name for word, name in _DUCKDB.items() if word in told), "data")
        return tailrace.RejectedError(told, reason=reason)
    if isinstance(error, duckdb.TransactionException):
        return tailrace.RetryableError(told)
    if committing:
        return tailrace.UnansweredError(f"{_GONE}: {told}")
    if isinstance(error, duckdb.IOException) and "lock" in str(error):
        return tailrace.RetryableError("another process has the file open; DuckDB lets in only one")
    if isinstance(error, (duckdb.InvalidInputException, duckdb.NotImplementedException)):
        return tailrace.RejectedError(told, reason="type")
    return tailrace.FatalError(told)


def without_values(told: str) -> str:
    """Give what DuckDB says, but for the values and the statement that it quotes."""
    return _QUOTED.sub(_unquoted, " ".join(told.partition("\n\n")[0].split()))


def of_mysql(error: Any, *, committing: bool = False) -> tailrace.WriteError:
    """Judge an error of a MySQL driver, by its number; values of rows are left out."""
    args = error.args
    number = args[0] if args and isinstance(args[0], int) else 0
    told = _QUOTED.sub(_unquoted, str(args[1] if len(args) > 1 else error))
    if number in _MYSQL:
        return tailrace.RejectedError(f"{told} ({number})", reason=_MYSQL[number])
    if committing and number not in (1205, 1213):
        return tailrace.UnansweredError(f"{_GONE}: {told}")
    if number in _MYSQL_AGAIN:
        return tailrace.RetryableError(f"{told} ({number})")
    return tailrace.FatalError(f"{told} ({number})")


def _unquoted(found: re.Match[str]) -> str:
    return f"'{found[2]}'" if found[2] else "'...'"
