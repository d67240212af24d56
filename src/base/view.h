/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/view.h - a long content, read at random through a few pages of memory
 *
 * The maker has contents in memory, a device reads them from a slot: whoever looks into them does
 * not see the difference. A failed read is remembered, and everything behind it reads as absent:
 * look at many places, then ask swb_view_error() once.
 */
#include <stdint.h>

#include "base/cleanup.h"

#define SWB_VIEW_PAGE_BYTES ((size_t)16 << 10)
#define SWB_VIEW_PAGES 128u
/* The longest piece that swb_view_at() shows. */
#define SWB_VIEW_SPAN_BYTES ((size_t)64)

/* Reads exactly n bytes at offset, inside the content. 0 or negative errno. */
typedef int (*swb_view_read)(void *context, uint64_t offset, uint8_t *data, size_t n);

struct swb_view_page {
        uint64_t number_plus_1; /* 0: holds nothing */
        uint8_t *bytes;         /* of the page, and the span behind it */
};

struct swb_view {
        uint64_t n_bytes;
        const uint8_t *memory; /* the whole content, borrowed; NULL: by `read` */
        swb_view_read read;
        void *context;
        int error;
        struct swb_view_page pages[SWB_VIEW_PAGES];
};

#define SWB_VIEW_OF_MEMORY(data, n) ((struct swb_view){.memory = (data), .n_bytes = (n)})
#define SWB_VIEW_OF(reader, with, n)                                                               \
        ((struct swb_view){.read = (reader), .context = (with), .n_bytes = (n)})

void swb_view_done(struct swb_view *view);

/*
 * The n <= SWB_VIEW_SPAN_BYTES bytes at offset, good until the next call. NULL when they do not lie
 * inside the content, or can't be read.
 */
const uint8_t *swb_view_at_page(struct swb_view *view, uint64_t offset, size_t n);

static inline const uint8_t *swb_view_at(struct swb_view *view, uint64_t offset, size_t n)
{
        if (offset > view->n_bytes || n > view->n_bytes - offset)
                return NULL;
        return view->memory ? view->memory + offset : swb_view_at_page(view, offset, n);
}

/* 0, or why something could not be read: what `read` returned, or -ENOMEM. */
static inline int swb_view_error(const struct swb_view *view)
{
        return view->error;
}
