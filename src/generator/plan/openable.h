/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/openable.h - files that are better compared opened
 *
 * A kernel or an initrd that changed a little differs everywhere, because it is compressed. Such a
 * file is made as a whole from its old version as a whole: its difference goes between what both
 * open to (open/find.h).
 */
#include "generator/plan/plan.h"
#include "open/closed.h"

/* What a device has scratch space for opens from less. */
#define SWB_OPENABLE_MAX_BLOCKS (((uint64_t)2 << 30) / SWB_BLOCK_BYTES)

struct swb_openable {
        uint64_t n_old, n_new;    /* bytes, opened; 0: the file is compared as it is */
        struct swb_recipe *known; /* of the new one; owned */
        struct swb_closed closed; /* why much of it stays closed, if it does */
};

void swb_openable_done(struct swb_openable *list, size_t n);

/*
 * ret: one for each file of the new image, zeros. Those that can't be made again bit for bit are
 * not openable. Return: 0, IO, NO_SPACE, NO_MEMORY.
 */
int swb_openable_find(const struct swb_plan_input *input, const uint32_t *partners,
                      const bool *needed, struct swb_openable *ret,
                      struct swb_error *err) _warn_unused_;

/* Why much of a file stays closed (SWB_CLOSED_NOT: it does not), with all encoders that are here;
 * files that are not looked at, or very large ones, do not. IO, NO_MEMORY. */
int swb_openable_why(const struct swb_image *image, const struct swb_file *file,
                     struct swb_closed *ret, struct swb_error *err) _warn_unused_;
