/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/costs.h"
#include "generator/plan/openable.h"

/* So many are looked at, of those that take more than one part in so many of their size. */
#define LOOKS_MAX 16u
#define LARGE_SHARE 16u

static bool is_asked(const struct swb_file_cost *cost)
{
        enum swb_transform transform = swb_cost_transform(cost);

        return (transform == SWB_TRANSFORM_BYTES || transform == SWB_TRANSFORM_PACKED) &&
               cost->bytes > cost->file->blocks.n_blocks * SWB_BLOCK_BYTES / LARGE_SHARE;
}

int swb_costs_find_closed(struct swb_costs *costs, const struct swb_image *new,
                          struct swb_error *err)
{
        unsigned n = 0;
        int r = 0;

        for (size_t i = 0; i < costs->n && n < LOOKS_MAX && r == 0; i++) {
                if (!is_asked(&costs->items[i]))
                        continue;
                n++;
                r = swb_openable_why(new, costs->items[i].file, &costs->items[i].closed, err);
        }
        return r;
}
