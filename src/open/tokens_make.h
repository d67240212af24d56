/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/tokens_make.h - a DEFLATE stream's corrections (making side); for this folder only
 */
#include "open/prove.h"

/*
 * `encoded` is of span->packing and opens to `opened`. Appends the corrections from which the
 * encoder "tokens" makes its very bytes, which has been tried. Return: SWB_PROVED and how,
 * SWB_NOT_PROVED (it would take too much), -ENOMEM.
 */
int swb_tokens_prove(enum swb_packing packing, const uint8_t *encoded, size_t n_encoded,
                     const uint8_t *opened, size_t n_opened, struct swb_setting *ret,
                     struct swb_buf *corrections) _warn_unused_;
