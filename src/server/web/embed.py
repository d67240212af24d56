#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUTPUT FILE... - the pages' files as one table of C"""

import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

output, *inputs = map(pathlib.Path, sys.argv[1:])
arrays, rows = "", ""
for number, path in enumerate(inputs):
    data = path.read_bytes()
    lines = [", ".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)]
    arrays += f"\nstatic const unsigned char file_{number}[] = {{\n" + ",\n".join(lines) + "};\n"
    url = "/" if path.name == "index.html" else f"/web/{path.name}"
    etag = hashlib.sha256(data).hexdigest()[:32]
    rows += f'        {{"{url}", "{TYPES[path.suffix]}", "\\"{etag}\\"", file_{number}, {len(data)}}},\n'
output.write_text('#include "server/http/web_files.h"\n' + arrays
                  + "\nconst struct swb_web_file swb_web_files[] = {\n" + rows + "};\n"
                  + f"const size_t swb_n_web_files = {len(inputs)};\n")
