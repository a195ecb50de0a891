"""Associations: which records of other objects a record belongs to."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

import tailrace
from tailrace_hubspot._api import LARGEST, Api, folded, kind_of, results
from tailrace_hubspot._drafts import Draft

if TYPE_CHECKING:
    from tailrace_hubspot import Association


class StrangeLinkError(Exception):
    """Say why a value names no record at the other end."""


@attrs.frozen
class Link:
    """Associate records of `of` with those that one of their fields names."""

    api: Api
    of: str
    told: "Association"
    types: tuple[Mapping[str, Any], ...]

    def names(self, value: Any) -> tuple[str, ...]:
        """Give the names that a field holds; raises StrangeLinkError for what is no name."""
        several = value if isinstance(value, (list, tuple)) else [value]
        given = [each for each in several if each is not None and each != ""]
        for each in given:
            if not isinstance(each, (str, int)) or isinstance(each, bool):
                raise StrangeLinkError(f"a {type(each).__name__} names no record")
            if self.told.by is None and not str(each).isdecimal():
                raise StrangeLinkError(f"{str(each)[:80]!r} is no record's id")
        return tuple(dict.fromkeys(map(str, given)))

    def find(self, drafts: Sequence[Draft], at: int) -> dict[str, str]:
        """Give the ids of all that drafts name, by name."""
        names = list(dict.fromkeys(name for each in drafts for name in each.links[at]))
        if self.told.by is None or not names:
            return {name: name for name in names}
        of, by = self.told.object, self.told.by
        found = self.api.named(of, by, names)
        return {
            name: found[folded(of, by, name)] for name in names if folded(of, by, name) in found
        }

    def inputs(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Give the associations of a record that is created with them."""
        return [{"to": {"id": each}, "types": list(self.types)} for each in ids]

    def tie(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Mapping[str, Any]]:
        """Associate records by their ids; give those that were not associated, and why."""
        pairs = [(one, other) for one, several in wanted.items() for other in several]
        missed: dict[str, Mapping[str, Any]] = {}
        for first in range(0, len(pairs), LARGEST):
            part = pairs[first : first + LARGEST]
            inputs = [
                {"from": {"id": one}, "to": {"id": other}, "types": list(self.types)}
                for one, other in part
            ]
            answer = self.api.associate((self.of, self.told.object), inputs)
            done = {
                (str(each.get("fromObjectId")), str(each.get("toObjectId")))
                for each in results(answer)
            }
            errors = results(answer, "errors")
            why = errors[0] if errors else {"message": "HubSpot's answer does not tell of it"}
            missed.update({one: why for one, other in part if (one, other) not in done})
        return missed


def open_link(api: Api, of: str, told: "Association", at: int) -> Link:
    """Find an association's type; raises a ConfigError where there is none of that label."""
    ends = "/".join(quote(each, safe="") for each in (of, told.object))
    try:
        found = results(api.get(f"crm/v4/associations/{ends}/labels"))
    except tailrace.RejectedError as error:
        why = f"HubSpot has no {told.object!r} beside {of!r} ({error})"
        raise unfit(at, "object", why) from None
    types = tuple(
        {"associationCategory": each.get("category"), "associationTypeId": each.get("typeId")}
        for each in found
        if (each.get("label") or None) == told.label
    )
    if not types:
        labels = ", ".join(repr(each["label"]) for each in found if each.get("label")) or "none"
        raise unfit(at, "label", f"no such association (labels there are: {labels})")
    return Link(api, of, told, types[:1])


def unlinked(batch: tailrace.Batch, draft: Draft, why: Mapping[str, Any]) -> tailrace.Outcome:
    """Answer for a record that was written, but not associated; without a category it may work later."""
    told = f"it was written, but not associated: {why.get('message')}"
    if "category" not in why:
        return batch.outcome(draft.record, failed=told, reason="association")
    return batch.outcome(draft.record, rejected=told, reason=f"association_{kind_of(why)}")


def unfit(at: int, option: str, message: str) -> tailrace.ConfigError:
    """Give the error of one association's option."""
    return tailrace.ConfigError(tailrace.Problem(f"associations[{at}].{option}", message))
