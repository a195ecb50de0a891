"""Removal: whether what is gone from the source may be deleted at the destination."""

import attrs

_FLOOR = 10
"""Deletions that a share of a small table never stops."""


@attrs.frozen
class Breaker:
    """Hold how much a run may delete: so many rows and so many per cent, whichever is less."""

    rows: int | None = 500
    percent: float | None = 10

    def limit(self, owned: int) -> int:
        """Give the most rows that may go, of so many that are there."""
        ceilings = [] if self.rows is None else [self.rows]
        if self.percent is not None:
            share = int(owned * self.percent / 100)
            floor = _FLOOR if self.percent > 0 else 0
            ceilings.append(max(share, floor))
        return min(ceilings, default=owned)


@attrs.frozen(kw_only=True)
class Removal:
    """Hold what there is to delete and all that speaks for or against it.

    count: records that are gone, of `owned` that were written. read: records of the source.
    changed: what of the sync is not as it was in the last run.
    """

    count: int
    owned: int
    read: int
    changed: str | None = None

    def objection(self, breaker: Breaker) -> str | None:
        """Say why nothing is deleted without a person's word, or give None."""
        if not self.count:
            return None
        if not self.read:
            return f"the source is empty, which would delete all {self.owned:,} records"
        if self.changed is not None:
            return f"{self.changed} has changed since the last run, and {self.count:,} records would go"
        limit = breaker.limit(self.owned)
        if self.count > limit:
            share = 100 * self.count / max(self.owned, 1)
            return (
                f"{self.count:,} of {self.owned:,} records ({share:.1f} %) are gone from the source,"
                f" and at most {limit:,} may be deleted in one run (max_delete)"
            )
        return None
