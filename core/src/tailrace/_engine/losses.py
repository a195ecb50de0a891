"""Facts about a request that brought no answer; what they mean is judged elsewhere."""


class Unsent(Exception):  # noqa: N818  # a fact, not an error
    """Tell that no byte of a request left."""


class Barred(Exception):  # noqa: N818  # a fact, not an error
    """Tell that no byte of a request left, since it may not go to that address."""


class Lost(Exception):  # noqa: N818  # a fact, not an error
    """Tell that a request left and no whole answer came."""
