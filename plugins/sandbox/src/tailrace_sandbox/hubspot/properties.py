"""Properties: their definitions, those that are there to start with, and what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
import orjson

from tailrace_sandbox.hubspot.errors import ApiError

LONGEST = 65_536
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@attrs.frozen(kw_only=True)
class Property:
    """Hold one property of an object."""

    name: str
    label: str
    type: str = "string"
    field: str = "text"
    options: tuple[str, ...] = ()
    unique: bool = False
    read_only: bool = False
    external: bool = False
    group: str = "information"

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Property:
        """Return the property that a client wants to make."""
        missing = [
            each
            for each in ("name", "label", "type", "fieldType")
            if not isinstance(body.get(each), str)
        ]
        if missing:
            raise ApiError(400, f"Some required fields were not set: {missing}")
        if not _NAME.fullmatch(body["name"]):
            raise ApiError(400, f"{body['name']!r} is no name: lower-case letters, digits and _")
        options = body.get("options") or []
        if body["type"] == "enumeration" and not options and not body.get("externalOptions"):
            raise ApiError(400, "A property of type enumeration needs options")
        return cls(
            name=body["name"],
            label=body["label"],
            type=body["type"],
            field=body["fieldType"],
            options=tuple(str(each["value"]) for each in options),
            unique=bool(body.get("hasUniqueValue")),
            external=bool(body.get("externalOptions")),
            group=str(body.get("groupName", "information")),
        )

    def shown(self) -> dict[str, Any]:
        """Return the definition as the API gives it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field,
            "description": "",
            "groupName": self.group,
            "options": [
                {"label": each.title(), "value": each, "displayOrder": at, "hidden": False}
                for at, each in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": self.external,
            "archived": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": True,
            "modificationMetadata": {
                "archivable": not self.read_only,
                "readOnlyDefinition": self.read_only,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }

    def kept(self, value: Any) -> str:
        """Return a value as it is kept; raises ApiError for one that the property does not take."""
        if self.read_only:
            raise self._refusal("READ_ONLY_VALUE", f'"{self.name}" is a read only property')
        if value is None or value == "":
            return ""
        if isinstance(value, (bool, int, float)):
            value = str(value).lower()
        if not isinstance(value, str):
            raise self._refusal("INVALID_VALUE", f"{value!r} is no text")
        if len(value) > LONGEST:
            raise self._refusal("PROPERTY_VALUE_TOO_LONG", f"{len(value)} characters are too many")
        kind = "enumeration" if self.field == "checkbox" else self.type
        return _FORMS[kind](self, value) if kind in _FORMS else value

    def _refusal(self, code: str, message: str) -> ApiError:
        told = [
            {
                "isValid": False,
                "message": message,
                "error": code,
                "name": self.name,
                "localizedErrorMessage": message,
            }
        ]
        said = f"Property values were not valid: {orjson.dumps(told).decode()}"
        return ApiError(400, said, code=code, context={"propertyName": [self.name]})

    def _number(self, value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self._refusal("INVALID_LONG", f"{value} was not a valid number.") from None
        if not number.is_finite() or "_" in value:
            raise self._refusal("INVALID_LONG", f"{value} was not a valid number.")
        return value

    def _bool(self, value: str) -> str:
        if value not in ("true", "false"):
            raise self._refusal("INVALID_BOOLEAN", f"{value} was not a valid boolean.")
        return value

    def _date(self, value: str) -> str:
        moment = self._read(value, "INVALID_DATE")
        if moment.time() != datetime.min.time():
            raise self._refusal("INVALID_DATE", f"{value} is at {moment:%H:%M}, not at midnight!")
        return moment.date().isoformat()

    def _datetime(self, value: str) -> str:
        moment = self._read(value, "INVALID_DATE")
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _read(self, value: str, code: str) -> datetime:
        try:
            if value.lstrip("-").isdecimal():
                return _EPOCH + timedelta(milliseconds=int(value))
            if len(value) == len("2026-01-31"):
                day = date.fromisoformat(value)
                return datetime(day.year, day.month, day.day, tzinfo=UTC)
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            raise self._refusal(code, f"{value} was not a valid date.") from None
        if moment.tzinfo is None:
            raise self._refusal(code, f"{value} has no offset.")
        return moment.astimezone(UTC)

    def _chosen(self, value: str) -> str:
        several = value.removeprefix(";").split(";") if self.field == "checkbox" else [value]
        strange = [each for each in several if each not in self.options]
        if strange and not self.external:
            known = ", ".join(self.options)
            told = f"{strange[0]} was not one of the allowed options: [{known}]"
            raise self._refusal("INVALID_OPTION", told)
        return value

    def _text(self, value: str) -> str:
        if self.name != "email":
            return value
        if not _MAIL.fullmatch(value):
            raise self._refusal("INVALID_EMAIL", f"Email address {value} is invalid")
        return value.lower()


_FORMS: Mapping[str, Callable[[Property, str], str]] = {
    "number": Property._number,  # noqa: SLF001  # of this class
    "bool": Property._bool,  # noqa: SLF001
    "date": Property._date,  # noqa: SLF001
    "datetime": Property._datetime,  # noqa: SLF001
    "enumeration": Property._chosen,  # noqa: SLF001
    "string": Property._text,  # noqa: SLF001
}


def _of(name: str, kind: str = "string", field: str = "text", *options: str) -> Property:
    label = name.removeprefix("hs_").replace("_", " ").capitalize()
    return Property(name=name, label=label, type=kind, field=field, options=options)


def _own(*names: str) -> tuple[Property, ...]:
    """Return properties that HubSpot itself fills in."""
    kinds = {"hs_object_id": ("number", "number")}
    made = (_of(name, *kinds.get(name, ("datetime", "date"))) for name in names)
    return tuple(attrs.evolve(each, read_only=True) for each in made)


_OWNER = attrs.evolve(_of("hubspot_owner_id", "enumeration", "select"), external=True)
_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer", "other")

STANDARD: Mapping[str, tuple[Property, ...]] = {
    "contacts": (
        *(_of(name) for name in ("email", "firstname", "lastname", "company", "jobtitle")),
        _of("phone", "string", "phonenumber"),
        *(_of(name) for name in ("website", "address", "city", "state", "zip", "country")),
        _of("lifecyclestage", "enumeration", "radio", *_STAGES),
        _of("hs_lead_status", "enumeration", "radio", "NEW", "OPEN", "IN_PROGRESS", "UNQUALIFIED"),
        _OWNER,
        *_own("hs_object_id", "createdate", "lastmodifieddate"),
    ),
    "companies": (
        *(_of(name) for name in ("name", "domain", "description", "city", "country", "phone")),
        _of("industry", "enumeration", "select", "BANKING", "COMPUTER_SOFTWARE", "RETAIL"),
        *(_of(name, "number", "number") for name in ("numberofemployees", "annualrevenue")),
        _OWNER,
        *_own("hs_object_id", "createdate", "hs_lastmodifieddate"),
    ),
    "deals": (
        *(_of(name) for name in ("dealname", "description")),
        _of("amount", "number", "number"),
        _of("closedate", "datetime", "date"),
        _of("pipeline", "enumeration", "select", "default"),
        _of(
            "dealstage",
            "enumeration",
            "radio",
            *("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"),
        ),
        _OWNER,
        *_own("hs_object_id", "createdate", "hs_lastmodifieddate"),
    ),
    "tickets": (
        *(_of(name) for name in ("subject", "content")),
        _of("hs_pipeline", "enumeration", "select", "0"),
        _of("hs_pipeline_stage", "enumeration", "select", "1", "2", "3", "4"),
        _of("hs_ticket_priority", "enumeration", "select", "LOW", "MEDIUM", "HIGH"),
        _OWNER,
        *_own("hs_object_id", "createdate", "hs_lastmodifieddate"),
    ),
}
OWN = _own("hs_object_id", "hs_createdate", "hs_lastmodifieddate")
"""What each custom object has besides its own properties."""
REQUIRED: Mapping[str, tuple[str, ...]] = {"tickets": ("hs_pipeline_stage",)}
UNIQUE: Mapping[str, tuple[str, ...]] = {"contacts": ("email",)}
"""What is unique although its definition does not say so."""
