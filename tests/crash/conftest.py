# SPDX-License-Identifier: Apache-2.0
"""Where the device of these tests comes from."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "flow")]
