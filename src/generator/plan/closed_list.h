/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/closed_list.h - contents of an image that are packed and may stay so
 */
#include "generator/scan/scan.h"
#include "open/closed.h"

struct swb_closed_content {
        char *path;                    /* "": the image itself */
        struct swb_extent_list blocks; /* of the new image */
        struct swb_closed closed;
        bool is_planned;  /* to be opened */
        bool is_opened;   /* and it was: swb_closed_list_weigh() */
        uint64_t n_delta; /* bytes that operations have for it, likewise */
};

struct swb_closed_list {
        struct swb_closed_content *items;
        size_t n, cap;
};

/* What is above that is not told. */
#define SWB_CLOSED_LIST_MAX 4096u

void swb_closed_list_done(struct swb_closed_list *list);
/* 0, -ENOMEM. */
int swb_closed_list_add(struct swb_closed_list *list, const struct swb_file *file,
                        const struct swb_closed *closed, bool is_planned) _warn_unused_;
