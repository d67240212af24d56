/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/window.h - a section's bytes one after the other, with their neighbours
 *
 * Zeros stand for what lies outside the file.
 */
#include <string.h>

#include "base/view.h"

#define SWB_WINDOW_BYTES 4096u
/* So many bytes before and behind each byte can be looked at. */
#define SWB_WINDOW_MARGIN 32u

struct swb_window {
        struct swb_view *view;
        uint64_t begin; /* of the file, of bytes[SWB_WINDOW_MARGIN] */
        bool loaded;
        uint8_t bytes[SWB_WINDOW_BYTES + 2 * SWB_WINDOW_MARGIN];
};

/* Loads around `offset`. */
void swb_window_load(struct swb_window *window, uint64_t offset);

static inline const uint8_t *swb_window_at(struct swb_window *window, uint64_t offset)
{
        if (!window->loaded || offset - window->begin >= SWB_WINDOW_BYTES)
                swb_window_load(window, offset);
        return window->bytes + SWB_WINDOW_MARGIN + (offset - window->begin);
}
