/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* predict/kernel.h - the kernel's lists of its relocations, section by section; for this folder */
#include "predict/program.h"

/* The next place of each list, while a section is gone through. */
struct swb_marks {
        const struct swb_elf *elf;
        const struct swb_section *section;
        const struct swb_kernel_list *lists;
        uint32_t at[SWB_LISTS_OF_PLACES];
        uint64_t next[SWB_LISTS_OF_PLACES];
};

struct swb_marks swb_marks_of(const struct swb_program *program, const struct swb_section *s);
/* The first marked place at or behind `begin`, in the file; UINT64_MAX: none. `begin` never goes
 * back. ret_kind: ABSOLUTE or POINTER. */
uint64_t swb_marks_next(struct swb_marks *marks, uint64_t begin, enum swb_field_kind *ret_kind);
/* Is there an address at the marked place? */
bool swb_marks_lead(const struct swb_elf *elf, uint64_t at, enum swb_field_kind kind);
