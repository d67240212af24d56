# SPDX-License-Identifier: Apache-2.0
"""field - PA-21: a number in the old file that is, or is made of, an address"""

PLACE = -1  # in place of a spot: where the field itself lies


class Field:
    __slots__ = ("at", "width", "kind", "target", "base", "origin", "factor", "scale", "bias",
                 "in_section", "learns", "base_learned", "rule", "record", "known", "instruction")

    def __init__(self, at, width, kind, target=None, base=None, **more):
        self.at, self.width, self.kind, self.target, self.base = at, width, kind, target, base
        self.origin = self.rule = self.record = self.known = self.instruction = None
        self.factor, self.scale, self.bias = 1, 1, 0
        self.in_section = self.learns = self.base_learned = False
        for key, value in more.items():
            setattr(self, key, value)
