/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/programs.h"

#include "generator/plan/pair.h"
#include "predict/predictor.h"

/* All of a file with its holes, or UINT64_MAX: more holes than anything sensible has. */
static uint64_t content_blocks(const struct swb_file *file)
{
        uint64_t n_blocks = 0;

        for (size_t i = 0; i < file->n_holes; i++) {
                if (file->holes[i].n_blocks > file->blocks.n_blocks - n_blocks)
                        return UINT64_MAX;
                n_blocks += file->holes[i].n_blocks;
        }
        return file->blocks.n_blocks + n_blocks;
}

static int has_model(const struct swb_scan *scan, const struct swb_file *file, bool *ret,
                     struct swb_error *err)
{
        uint8_t block[SWB_BLOCK_BYTES];
        int r;

        *ret = false;
        if (file->kind != SWB_FILE_REGULAR || file->blocks.n == 0)
                return 0;
        r = swb_image_read(scan->image, file->blocks.items[0].start_block, 1, block, err);
        *ret = r == 0 && swb_model_of(block, sizeof(block),
                                      content_blocks(file) * SWB_BLOCK_BYTES) != SWB_MODEL_NONE;
        return r;
}

int swb_programs_find(const struct swb_plan_input *input, const uint32_t *partners,
                      const bool *needed, bool *whole, struct swb_error *err)
{
        const struct swb_scan *old = input->old->scan, *new = input->new.scan;
        uint64_t max_blocks = input->limits.program_blocks;
        int r = 0;

        for (size_t i = 0; i < new->n_files &&r == 0; i++) {
                const struct swb_file *partner;

                if (!needed[i] || partners[i] == SWB_PAIR_NONE)
                        continue;
                partner = &old->files[partners[i]];
                if (content_blocks(&new->files[i]) <= max_blocks &&
                    content_blocks(partner) <= max_blocks)
                        r = has_model(old, partner, &whole[i], err);
        }
        return r;
}
