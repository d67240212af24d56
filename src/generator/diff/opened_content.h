/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_content.h - a content as it is opened, and how it was
 */
#include "generator/pack/shelf.h"
#include "open/find.h"

struct swb_opened_content {
        struct swb_recipe recipe;
        struct swb_ranges unchanged; /* of what it opened to: stayed closed as unchanged */
        struct swb_shelf shelf;
        const uint8_t *data; /* what it opened to; swb_opened_content_close() */
        uint64_t n_bytes;
};

/* folder: as swb_shelf's. */
#define SWB_OPENED_CONTENT_INIT(folder)                                                            \
        {                                                                                          \
                .shelf = SWB_SHELF_INIT(folder)                                                    \
        }

void swb_opened_content_done(struct swb_opened_content *content);
/* What it opened to is no longer needed, only the recipe. */
void swb_opened_content_forget(struct swb_opened_content *content);

/*
 * Appends what this part opens to; when nothing of it opens, the part as one plain piece. Its own
 * recipe goes to ret_part. limits->write is not looked at. Return: how many encoded pieces it has;
 * -ENOMEM, -E2BIG (too many pieces in all), or what writing gave.
 */
int swb_opened_content_add(struct swb_opened_content *content, const uint8_t *data, size_t n,
                           enum swb_find_side side, const struct swb_find_limits *limits,
                           struct swb_recipe *ret_part) _warn_unused_;
/* Nothing more is added: fills in `data`. 0, negative errno. */
int swb_opened_content_close(struct swb_opened_content *content) _warn_unused_;
