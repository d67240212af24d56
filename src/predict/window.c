/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/window.h"

#define PIECE_BYTES 32u
_Static_assert(PIECE_BYTES == SWB_WINDOW_MARGIN, "pieces begin where the file does");

void swb_window_load(struct swb_window *window, uint64_t offset)
{
        window->begin = offset - offset % SWB_WINDOW_BYTES;
        window->loaded = true;
        memset(window->bytes, 0, sizeof(window->bytes));
        for (size_t i = 0; i < sizeof(window->bytes); i += PIECE_BYTES) {
                uint64_t at = window->begin + i - SWB_WINDOW_MARGIN;
                size_t n = PIECE_BYTES;
                const uint8_t *p;

                if (window->begin + i < SWB_WINDOW_MARGIN || at >= window->view->n_bytes)
                        continue;
                n = (size_t)SWB_MIN(window->view->n_bytes - at, (uint64_t)n);
                p = swb_view_at(window->view, at, n);
                if (p)
                        memcpy(window->bytes + i, p, n);
        }
}
