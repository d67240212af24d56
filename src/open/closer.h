/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/closer.h - the new content from its opened bytes, front to back (device side)
 *
 * Spec: docs/spec/payload.md PF-137.
 */
#include "open/encoder.h"

struct swb_closer;

/* The memory that the encoders of this recipe need at most. */
uint64_t swb_closer_memory_bytes(const struct swb_recipe *recipe);

/*
 * `recipe` is borrowed. Return: 0; -EPROTONOSUPPORT when an encoder is not present; -E2BIG when
 * they need more than max_memory_bytes; -ENOMEM.
 */
int swb_closer_new(const struct swb_recipe *recipe, uint64_t max_memory_bytes,
                   swb_encoder_write write, void *context, struct swb_closer **ret) _warn_unused_;
struct swb_closer *swb_closer_free(struct swb_closer *closer);
SWB_DEFINE_CLEANUP(struct swb_closer *, swb_closer_free)

/* The next bytes of the opened content (a swb_bspatch_io's write_target). Return: 0; -EBADMSG for
 * more than there are, or when an encoder makes something else than it should; -ENOMEM; or what
 * write returned. */
int swb_closer_put(void *closer, const uint8_t *data, size_t n) _warn_unused_;
/* All was put. 0, -EBADMSG when bytes are missing. */
int swb_closer_finish(struct swb_closer *closer) _warn_unused_;
