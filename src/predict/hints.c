/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predictor.h"

#include "predict/layout.h"

int swb_predictor_hints(enum swb_model model, struct swb_view *old, struct swb_view *new,
                        struct swb_buf *hints)
{
        struct swb_elf a = {0}, b = {0};
        int r;

        if (model != SWB_MODEL_ELF)
                return 0;
        r = swb_elf_init(&a, old);
        if (r >= 0)
                r = swb_elf_init(&b, new);
        if (r >= 0)
                r = swb_layout_write(&a, &b, hints);
        swb_elf_done(&a);
        swb_elf_done(&b);
        return r;
}
