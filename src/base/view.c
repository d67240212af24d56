/* SPDX-License-Identifier: Apache-2.0 */
#include "base/view.h"

#include <string.h>

void swb_view_done(struct swb_view *view)
{
        for (size_t i = 0; i < SWB_VIEW_PAGES; i++)
                free(view->pages[i].bytes);
        *view = (struct swb_view){0};
}

static int fill(struct swb_view *view, struct swb_view_page *page, uint64_t number)
{
        uint64_t begin = number * SWB_VIEW_PAGE_BYTES;
        size_t n = (size_t)SWB_MIN(view->n_bytes - begin,
                                   (uint64_t)(SWB_VIEW_PAGE_BYTES + SWB_VIEW_SPAN_BYTES));

        page->number_plus_1 = 0;
        if (!page->bytes)
                page->bytes = malloc(SWB_VIEW_PAGE_BYTES + SWB_VIEW_SPAN_BYTES);
        view->error = page->bytes ? view->read(view->context, begin, page->bytes, n) : -ENOMEM;
        if (view->error < 0)
                return view->error;
        page->number_plus_1 = number + 1;
        return 0;
}

const uint8_t *swb_view_at_page(struct swb_view *view, uint64_t offset, size_t n)
{
        uint64_t number = offset / SWB_VIEW_PAGE_BYTES;
        struct swb_view_page *page = &view->pages[number % SWB_VIEW_PAGES];

        if (view->error < 0 || n > SWB_VIEW_SPAN_BYTES)
                return NULL;
        /* The very end of the content has no page of its own, and no bytes. */
        if (n == 0)
                return (const uint8_t *)"";
        if (page->number_plus_1 != number + 1 && fill(view, page, number) < 0)
                return NULL;
        return page->bytes + offset % SWB_VIEW_PAGE_BYTES;
}
