/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/http/web_files.h - the files of server/web, made part of the program by embed.py */
#include <stddef.h>

struct swb_web_file {
        const char *path, *content_type;
        const char *etag; /* with its quotes */
        const unsigned char *data;
        size_t n_bytes;
};

extern const struct swb_web_file swb_web_files[];
extern const size_t swb_n_web_files;
