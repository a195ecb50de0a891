"""Gate: how many batches at once are worth it."""

from math import inf, sqrt

import attrs

MOST_IN_FLIGHT = 256
"""Batches at once, where nobody declares a ceiling."""

_QUICK = 0.002
"""Seconds of an answer that is not worth a second thread."""
_SLACK = 0.005
"""Seconds by which threads of one interpreter hold each other up."""
_FEW = 2


@attrs.define(eq=False)
class Gate:
    """Find out how many batches at once are worth it, in rounds of as many answers as may fly.

    From one up, twice as many after each round whose answers took no longer than ever; from the
    first sign of a queue on, a few more each round. Fewer when answers take over twice as long as
    in the best round, and half as many when the service asks to slow down. Where only a few fly
    and still take long, the service itself has become slower, and the search begins anew.
    """

    ceiling: int
    allowed: float = 1.0
    _climbing: bool = attrs.field(default=True, init=False)
    _best: float = attrs.field(default=inf, init=False)
    _answers: int = attrs.field(default=0, init=False)
    _seconds: float = attrs.field(default=0.0, init=False)
    _waited: float = attrs.field(default=0.0, init=False)
    _cut: float = attrs.field(default=-inf, init=False)

    @classmethod
    def under(cls, declared: int | None) -> "Gate":
        """Make a gate; a ceiling that somebody declared is used at once."""
        return cls(MOST_IN_FLIGHT) if declared is None else cls(declared, float(declared))

    def learn(self, now: float, seconds: float, waited: float, throttled: bool) -> None:
        """Take in how one batch went that ends now.

        `waited` of its seconds it was held back on this side.
        """
        if now - seconds < self._cut:
            # It was on its way when fewer were let in, and tells of the time before.
            return
        self._answers += 1
        self._seconds += max(0.0, seconds - waited)
        self._waited += waited
        if throttled:
            self._fewer(now, 0.5, 1.0)
        elif self._answers >= int(self.allowed):
            self._turn(now, self._seconds / self._answers, self._waited / self._answers)
            self._answers, self._seconds, self._waited = 0, 0.0, 0.0

    def _fewer(self, now: float, share: float, least: float) -> None:
        self.allowed = max(least, self.allowed * share)
        self._cut, self._climbing = now, False
        self._answers, self._seconds, self._waited = 0, 0.0, 0.0

    def _turn(self, now: float, mean: float, waited: float) -> None:
        """End a round."""
        bearable = 2 * self._best + _SLACK
        if mean > bearable and self.allowed > _FEW:
            self._fewer(now, max(0.5, bearable / mean), _FEW)
            return
        if mean > bearable:
            self._best, self._climbing = mean, True
        self._best = min(self._best, mean)
        if mean > _QUICK and waited <= mean:
            more = self.allowed if self._climbing else max(1.0, sqrt(self.allowed))
            self.allowed = min(float(self.ceiling), self.allowed + more)
