/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-install/wants.h - asking for the pieces of a payload
 *
 * With --pieces the input is a socket, whose other end swb-fetch has for its standard output, or a
 * file. Over the socket go lines (docs/ARCHITECTURE.md): "stream" or "pieces" first, then
 * "get RANGES" as bytes are needed, and "end". Of a file the ranges are read.
 */
#include "device/install/installer.h"

/* Lines on their way: one that is answered, the next so that there is no pause. */
#define WANTS_LINES 2

struct wants {
        int fd;
        const char *name;
        bool is_file;
        bool all_asked;
        uint64_t asked, got;             /* bytes */
        uint64_t line_ends[WANTS_LINES]; /* `asked` at the end of each line that is not answered */
        size_t n_lines;
        struct swb_range ranges[SWB_RANGES_MAX]; /* of a file: still to be read */
        size_t n_ranges, at;
};

/* USAGE when the input is neither. */
int wants_init(struct wants *wants, int fd, const char *name, struct swb_error *err) _warn_unused_;
/* Once the installer knows where it begins. */
int wants_begin(struct wants *wants, const struct swb_installer *installer,
                struct swb_error *err) _warn_unused_;
/* Asks for more, if there is room. Return: 1 when bytes are to be waited for, 0 when all have come.
 */
int wants_ask(struct wants *wants, struct swb_installer *installer,
              struct swb_error *err) _warn_unused_;
/* The next bytes, by pieces or not; 0 at the end. */
ssize_t wants_read(struct wants *wants, bool by_pieces, uint8_t *data, size_t n_bytes,
                   struct swb_error *err) _warn_unused_;
/* No more is wanted. */
void wants_end(const struct wants *wants);
