#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUTPUT HTML JS CSS - the page's files as arrays of C"""

import pathlib
import sys

output, *inputs = map(pathlib.Path, sys.argv[1:])
text = '#include "server/http/page_files.h"\n'
for path in inputs:
    data = path.read_bytes()
    name = "swb_page_" + path.suffix[1:]
    rows = [", ".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)]
    text += "\nconst unsigned char " + name + "[] = {\n" + ",\n".join(rows) + "};\n"
    text += f"const size_t {name}_bytes = {len(data)};\n"
output.write_text(text)
