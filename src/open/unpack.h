/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/unpack.h - what opens the pieces of a recipe
 *
 * Like codec/codec.h's decoders, but for what images hold: other checks, larger windows, no content
 * size. Memory is bounded by the caller.
 */
#include "open/recipe.h"

struct swb_unpacker;

/* For streams; whole packings (swb_packing_is_whole) have swb_unpack_whole() alone. Return: 0;
 * -EPROTONOSUPPORT when the library is not built in; -ENOMEM. */
int swb_unpacker_new(enum swb_packing packing, uint64_t max_memory_bytes,
                     struct swb_unpacker **ret) _warn_unused_;
struct swb_unpacker *swb_unpacker_free(struct swb_unpacker *unpacker);
SWB_DEFINE_CLEANUP(struct swb_unpacker *, swb_unpacker_free)

enum { SWB_UNPACK_MORE = 0, SWB_UNPACK_END = 1 };
/*
 * Consumes and produces as zlib does. Return: SWB_UNPACK_MORE (no progress with input and room: the
 * stream was cut), SWB_UNPACK_END, -EBADMSG, -E2BIG above the memory bound, -ENOMEM.
 */
int swb_unpacker_step(struct swb_unpacker *unpacker, const uint8_t **in, size_t *n_in,
                      uint8_t **out, size_t *n_out) _warn_unused_;

/* Exactly n_out bytes. 0, -EBADMSG, -EPROTONOSUPPORT. */
int swb_unpack_whole(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                     size_t n_out) _warn_unused_;
/* For the maker: at most n_room bytes; how many says ret_n. */
int swb_unpack_whole_up_to(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                           size_t n_room, size_t *ret_n) _warn_unused_;

/* Any packing, all at once, to at most n_room bytes. 0, -EBADMSG, -E2BIG, -EPROTONOSUPPORT,
 * -ENOMEM. */
int swb_unpack_up_to(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                     size_t n_room, size_t *ret_n) _warn_unused_;

/* What the decoder of one stream may take, unless its setting tells of a larger window. */
#define SWB_UNPACK_MEMORY_BYTES ((uint64_t)10 << 20)
/* What it may take of this setting (PF-136). */
uint64_t swb_unpack_memory(const struct swb_setting *setting);

/* One packing's library; for this folder only. */
struct swb_unpacker_ops {
        int (*open)(uint64_t max_memory_bytes, void **ret_state);
        int (*step)(void *state, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out);
        void (*close)(void *state);
};
