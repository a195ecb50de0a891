"""Order: what Stripe gives newest first, the oldest first."""

import pickle
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any


def oldest_first(pages: Iterable[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """Give pages that come newest first from their end; until then they lie on disk.

    What is made later then comes after it. So a run that was killed in the midst of an append finds
    the rows that it had taken where they were, and messages stand in the order of what happened.
    """
    with TemporaryFile(prefix="tailrace-stripe-") as file:
        places = []
        for page in pages:
            places.append(file.tell())
            pickle.dump(page, file, pickle.HIGHEST_PROTOCOL)
        for place in reversed(places):
            file.seek(place)
            yield pickle.load(file)[::-1]  # noqa: S301  # a file that has no name, and is our own
