"""Dates as Google counts them: days since 1899-12-30, the time of day as a fraction."""

from __future__ import annotations

from datetime import date, datetime, timedelta

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - wall clock of the spreadsheet, without a zone
MILLISECONDS = 86_400_000


def from_date(day: date) -> int:
    """Return the serial of a day."""
    return day.toordinal() - EPOCH.toordinal()


def from_time(hours: int, minutes: int, seconds: float) -> float:
    """Return the part of a day that has passed."""
    return (hours * 3600 + minutes * 60 + seconds) / 86_400


def to_datetime(serial: float) -> datetime | None:
    """Return the date and time of a serial, rounded to milliseconds; None beyond the calendar."""
    try:
        return EPOCH + timedelta(milliseconds=round(serial * MILLISECONDS))
    except OverflowError:
        return None


def today() -> date:
    """Return the day that dates without a year belong to."""
    return datetime.now().astimezone().date()
