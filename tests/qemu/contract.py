# SPDX-License-Identifier: Apache-2.0
"""The boot loader's part of docs/spec/boot.md, in the fewest words, to hold real ones against."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Flags:
    """Of one slot."""
    priority: int
    tries: int
    successful: int

    def is_candidate(self):
        """BS-1"""
        return self.priority > 0 and bool(self.successful or self.tries)


def next_slot(flags, left):
    """(slot, is it recovery) among the slots that have not failed in this boot."""
    candidates = [slot for slot in left if flags[slot].is_candidate()]
    if candidates:
        return min(candidates, key=lambda slot: (-flags[slot].priority, slot)), False
    # BS-4
    return min(left, key=lambda slot: (-flags[slot].successful, -flags[slot].priority, slot)), True


def turns(flags):
    """A boot in which nothing can be started: [(slot, flags when its kernel is to be loaded), …].

    flags: {"A": Flags, "B": Flags}.
    """
    flags, left, found = dict(flags), ["A", "B"], []
    while left:
        slot, recovery = next_slot(flags, left)
        left.remove(slot)
        if not recovery and not flags[slot].successful:  # BS-2, BS-3
            flags[slot] = dataclasses.replace(flags[slot], tries=flags[slot].tries - 1)
        found.append((slot, dict(flags)))
    return found


def boot(flags, loadable):
    """The first turn of a slot among `loadable`, or (None, flags at the end)."""
    found = turns(flags)
    return next((turn for turn in found if turn[0] in loadable), (None, found[-1][1]))
