"""The kit that puts a destination to the test: what it declares decides what is checked."""

from tailrace.testing.sound import Sound
from tailrace.testing.troubled import Troubled


class DestinationKit(Sound, Troubled):
    """Fill in `destination`, `open`, `received` and `reset`, and run it with pytest.

    `key` names a record. `exempt` maps the name of a check, without `test_`, or `mode_` and a mode,
    to the reason why it does not apply; nothing else leaves one out. Checks are derived from what
    the plugin declares.
    """
