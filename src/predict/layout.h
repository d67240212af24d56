/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/layout.h - where the sections of the old file are in the new one
 *
 * It is what the hints say. Spec: docs/design/delta.md, PA-17 to PA-19.
 */
#include "base/buf.h"
#include "predict/elf_file.h"

struct swb_layout {
        struct swb_layout_section {
                uint64_t address;
                uint32_t offset, n_bytes, index;
                bool gone;
        } * sections; /* as many as the old file has */
        uint32_t sections_offset;
};

/* No hints: everything is where it was. 0, -EBADMSG, -ENOMEM. */
int swb_layout_init(struct swb_layout *layout, const struct swb_elf *old, const uint8_t *hints,
                    size_t n_hints) _warn_unused_;
void swb_layout_done(struct swb_layout *layout);

/* Making side: appends the hints. 0, -ENOMEM or -E2BIG (buf's ceiling). */
int swb_layout_write(const struct swb_elf *old, const struct swb_elf *new,
                     struct swb_buf *hints) _warn_unused_;
