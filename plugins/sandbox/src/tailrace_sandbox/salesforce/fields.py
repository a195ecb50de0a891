"""Fields: what describe says of them, and which values they hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from tailrace_sandbox.salesforce.errors import ApiError, RecordError

TEXTS = (
    "string",
    "textarea",
    "email",
    "phone",
    "url",
    "picklist",
    "combobox",
    "id",
    "encryptedstring",
)
NUMBERS = ("double", "currency", "percent", "int")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")


@attrs.frozen(kw_only=True)
class Field:
    """Hold one field of an object."""

    name: str
    type: str = "string"
    label: str = ""
    length: int = 255
    precision: int = 18
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    external: bool = False
    unique: bool = False
    lookup: bool = False
    case_sensitive: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    target: str | None = None
    relationship: str | None = None

    @property
    def finds(self) -> bool:
        """Tell whether records can be upserted by it."""
        return self.external or self.lookup

    def folded(self, value: Any) -> Any:
        """Return a value as it is compared."""
        if isinstance(value, str) and not self.case_sensitive and self.type in TEXTS:
            return value.lower()
        return value

    def described(self) -> dict[str, Any]:
        """Return it as describe gives it."""
        text = self.type in TEXTS or self.type == "multipicklist"
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "length": self.length if text else 0,
            "precision": self.precision if self.type in NUMBERS else 0,
            "scale": self.scale,
            "nillable": self.nillable,
            "createable": self.createable,
            "updateable": self.updateable,
            "defaultedOnCreate": self.defaulted,
            "externalId": self.external,
            "idLookup": self.finds or self.name == "Id",
            "unique": self.unique,
            "caseSensitive": self.case_sensitive,
            "calculated": False,
            "custom": self.name.endswith("__c"),
            "restrictedPicklist": self.restricted,
            "picklistValues": [
                {"value": each, "label": each, "active": True, "defaultValue": False}
                for each in self.values
            ],
            "referenceTo": [self.target] if self.target else [],
            "relationshipName": self.relationship,
        }

    def kept(self, value: Any) -> Any:
        """Return a value as it is kept; raises ApiError and RecordError as the service does."""
        if value is None or value == "":
            if self.type == "boolean":
                raise self._unfit("value not of required type: null")
            return None
        if self.type == "boolean":
            if isinstance(value, bool):
                return value
            raise self._unreadable(value, "boolean")
        if self.type in NUMBERS:
            return self._number(value)
        if self.type in ("date", "datetime"):
            return self._moment(value)
        return self._text(value)

    def _text(self, value: Any) -> str:
        if isinstance(value, (dict, list)):
            raise self._unreadable(value, "string")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        text = text.strip()
        if self.type not in ("multipicklist", "reference") and len(text) > self.length:
            said = f"data value too large: {text[:40]} (max length={self.length})"
            raise RecordError("STRING_TOO_LONG", f"{self._called}: {said}", self.name)
        if self.type == "email" and not _MAIL.fullmatch(text):
            said = f"{self._called}: invalid email address: {text}"
            raise RecordError("INVALID_EMAIL_ADDRESS", said, self.name)
        chosen = text.split(";") if self.type == "multipicklist" else [text]
        strange = [each for each in chosen if self.restricted and each not in self.values]
        if strange:
            said = f"{self._called}: bad value for restricted picklist field: {strange[0]}"
            raise RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, self.name)
        return text

    def _number(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self._unreadable(value, self.type)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise self._unreadable(value, self.type) from None
        if abs(number) >= Decimal(10) ** (self.precision - self.scale):
            said = f"{self._called}: value outside of valid range on numeric field: {value}"
            raise RecordError("NUMBER_OUTSIDE_VALID_RANGE", said, self.name)
        if self.type == "int":
            if number != int(number):
                raise self._unreadable(value, "int")
            return int(number)
        return float(round(number, self.scale))

    def _moment(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._unreadable(value, self.type)
        try:
            if self.type == "date":
                return date.fromisoformat(value).isoformat()
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise self._unreadable(value, self.type) from None
        if moment.tzinfo is None or "T" not in value:
            raise self._unreadable(value, self.type)
        return moment.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    @property
    def _called(self) -> str:
        return self.label or self.name

    def _unfit(self, said: str) -> RecordError:
        return RecordError("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{self._called}: {said}", self.name)

    def _unreadable(self, value: Any, kind: str) -> ApiError:
        said = f"Cannot deserialize instance of {kind} from value {str(value)[:40]}"
        return ApiError(400, "JSON_PARSER_ERROR", said)


def of_text(field: Field, text: str) -> Any:
    """Return the value that a cell of a bulk job's CSV stands for."""
    if field.type == "boolean" and text.lower() in ("true", "false", "1", "0"):
        return text.lower() in ("true", "1")
    return text
