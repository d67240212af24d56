/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/wanted.h - the bytes that swb-install --pieces asks for
 *
 * Lines come over the socket that the bytes go out on (docs/ARCHITECTURE.md): "stream" or "pieces"
 * once; then "get RANGES" and at last "end". After "stream" the payload comes front to back, unless
 * its first bytes say that it is one of pieces: then its metadata alone, and what is asked for. A
 * server that ignores Range sends the whole file once, out of which the wanted bytes are picked,
 * line after line.
 */
#include "base/error.h"
#include "base/ranges.h"

struct swb_wanted_config {
        int socket;
        uint64_t offset, total; /* of the payload; offset: where "stream" begins */
        /* Bytes in the order in which they were asked for. */
        int (*put)(void *context, const void *data, size_t n_bytes, struct swb_error *err);
        void (*waiting)(void *context); /* about once a second, while nobody asks */
        void *context;
};

struct swb_wanted;

int swb_wanted_new(const struct swb_wanted_config *config, struct swb_wanted **ret,
                   struct swb_error *err) _warn_unused_;
struct swb_wanted *swb_wanted_free(struct swb_wanted *wanted);

/* Waits for more to be wanted. Return: 1 there is, 0 the end; PROTOCOL for a line that is none,
 * CANCELLED when the other end has gone. */
int swb_wanted_next(struct swb_wanted *wanted, struct swb_error *err) _warn_unused_;
/* What is left of it: at most SWB_RANGES_MAX. Returns how many. */
size_t swb_wanted_ranges(const struct swb_wanted *wanted, struct swb_range *ranges);
/* A swb_part_sink for os/http.h. PROTOCOL: the server left wanted bytes out. */
int swb_wanted_take(struct swb_wanted *wanted, uint64_t offset, const void *data, size_t n_bytes,
                    struct swb_error *err) _warn_unused_;
/* The other end has gone, or talks rubbish: no other server will help. */
bool swb_wanted_is_abandoned(const struct swb_wanted *wanted);
