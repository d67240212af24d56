# SPDX-License-Identifier: Apache-2.0
"""refusal - how every part of the second reader says no"""


class Refused(Exception):
    def __init__(self, fault, text):
        super().__init__(text)
        self.fault = fault


def demand(condition, fault, text):
    if not condition:
        raise Refused(fault, text)
