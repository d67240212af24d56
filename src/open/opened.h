/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/opened.h - the old content, opened, for reading at random (device side)
 *
 * Spec: docs/spec/payload.md PF-136. Small pieces are decoded when they are asked for, the last
 * ones are kept in memory. What opens to more than SWB_WHOLE_MAX_BYTES, or holds inner pieces, is
 * decoded once, into scratch space of the caller's; so is what is asked for again and again.
 */
#include "open/recipe.h"

/* Space for bytes that are written once and read at random. */
struct swb_open_scratch {
        void *context;
        uint64_t max_bytes;
        /* 0 or negative errno. What is read was written before. */
        int (*write)(void *context, uint64_t offset, const uint8_t *data, size_t n);
        int (*read)(void *context, uint64_t offset, uint8_t *data, size_t n);
};

struct swb_open_limits {
        uint64_t memory_bytes;
        const struct swb_open_scratch *scratch; /* NULL: there is none */
};

/* Reads exactly n bytes of the content at offset. 0 or negative errno. */
typedef int (*swb_open_read)(void *context, uint64_t offset, uint8_t *data, size_t n);

struct swb_opened;

/* The scratch space without which a content of this recipe can't be opened. */
uint64_t swb_opened_scratch_bytes(const struct swb_recipe *recipe);
/* The memory without which it can't. */
uint64_t swb_opened_memory_bytes(const struct swb_recipe *recipe);
/* The same when all of it goes to scratch space before anything is read: what stays of the memory
 * then, and the scratch space. */
uint64_t swb_opened_kept_bytes(const struct swb_recipe *recipe);
uint64_t swb_opened_all_scratch_bytes(const struct swb_recipe *recipe);

/*
 * `recipe` and `limits` are borrowed for the object's life. Return: 0; -E2BIG when the limits do
 * not suffice; -ENOMEM.
 */
int swb_opened_new(const struct swb_recipe *recipe, swb_open_read read, void *context,
                   const struct swb_open_limits *limits, struct swb_opened **ret) _warn_unused_;
struct swb_opened *swb_opened_free(struct swb_opened *opened);

/* Decodes all into scratch space; -E2BIG when there is not enough of that. What it took of the
 * memory is free afterwards but for swb_opened_kept_bytes(). Return: as swb_opened_read(). */
int swb_opened_prepare(struct swb_opened *opened) _warn_unused_;
SWB_DEFINE_CLEANUP(struct swb_opened *, swb_opened_free)

/*
 * Exactly n bytes of the opened content (a swb_view_read and a swb_bspatch_io's read_source).
 * Return: 0; -EBADMSG outside of it, or when the content is not what the recipe says; -E2BIG when a
 * stream wants more memory than swb_unpack_memory() of its setting; -EPROTONOSUPPORT, a library is
 * not built in; -ENOMEM; or what a callback returned.
 */
int swb_opened_read(void *opened, uint64_t offset, uint8_t *data, size_t n) _warn_unused_;
