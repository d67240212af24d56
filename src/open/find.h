/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/find.h - what of a content can be opened, found by what it is, never by a name (making side)
 *
 * An old content only has to be decoded. Of a new one, a piece counts only when an encoder has made
 * its very bytes again here; what none makes stays as it is.
 */
#include "open/closed.h"
#include "open/encoder.h"
#include "open/unchanged.h"
#include "open/unpack.h"

struct swb_range {
        uint64_t at, n;
};

struct swb_ranges {
        struct swb_range *items; /* ascending, without overlaps */
        size_t n, cap;
};

/* What ends where the next begins becomes one. 0, -ENOMEM. */
int swb_ranges_add(struct swb_ranges *ranges, uint64_t at, uint64_t n) _warn_unused_;

struct swb_find_limits {
        uint64_t max_opened_bytes; /* of the opened content */
        uint64_t encoder_memory_bytes;
        uint64_t decoder_memory_bytes;
        /* Names of encoders, as swb_encoders_list() has them; NULL: all that are present. */
        const char *encoders;
        /* What an image opened to, its superblock first, is no image any more. */
        bool no_images;
        unsigned closed_packings;              /* bits: these stay closed */
        const struct swb_unchanged *unchanged; /* as do files of an image that are these */
        const struct swb_ranges *closed;       /* and what begins there */
        /* What was found before in the same content within the same limits: nothing is tried again.
         * NULL: not known. */
        const struct swb_recipe *known;
        /* Takes what it opens to, from front to back, in place of swb_found.opened: 0, or an error
         * that ends the search. NULL: nothing does. */
        int (*write)(void *context, const uint8_t *data, size_t n);
        void *context;
        /* What stays closed of the new content, but for what is unchanged, is added to this; NULL:
         * nobody asks. */
        struct swb_closed *why_closed;
};

#define SWB_FIND_LIMITS_INIT                                                                       \
        ((struct swb_find_limits){.max_opened_bytes = (uint64_t)1 << 30,                           \
                                  .encoder_memory_bytes = (uint64_t)25 << 20,                      \
                                  .decoder_memory_bytes = SWB_UNPACK_MEMORY_BYTES})

/* Lowers or raises them to what fits a device that gives so much to opening and closing
 * (SWB_OPEN_MEMORY_BYTES: as they are). */
void swb_find_limits_give(struct swb_find_limits *limits, uint64_t memory_bytes);

enum swb_find_side {
        SWB_FIND_OLD, /* decode */
        SWB_FIND_NEW, /* decode, and make again */
};

struct swb_found {
        struct swb_recipe recipe;
        struct swb_buf opened;
        struct swb_ranges unchanged; /* of `opened`: what stayed closed as unchanged */
};

void swb_found_done(struct swb_found *found);

/*
 * Return: how many encoded pieces were found (0: none, nothing is filled in, and what was written
 * counts for nothing); -ENOMEM; or what write returned. What is above the limits is not opened.
 */
int swb_recipe_find(const uint8_t *data, size_t n, enum swb_find_side side,
                    const struct swb_find_limits *limits, struct swb_found *ret) _warn_unused_;
