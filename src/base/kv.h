/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/kv.h - KEY=value lines: worker messages and state files
 *
 * A block is lines "KEY=value\n". Keys are [A-Za-z0-9_.-]+, at most SWB_KV_KEY_MAX characters. In
 * values, backslash and control characters are written as \\, \n and \xHH, so one value is one
 * line whatever it holds. An unknown key is ignored by readers, a key given twice is an error.
 * Chosen over JSON because the device then needs no JSON parser (systemd's notify socket and
 * os-release do the same).
 */
#include "base/buf.h"

#define SWB_KV_KEY_MAX 64
#define SWB_KV_ENTRIES_MAX 256

/* Appends one line. -EINVAL for a bad key, else as swb_buf_append(). */
int swb_kv_put(struct swb_buf *buf, const char *key, const char *value) _warn_unused_;
int swb_kv_put_u64(struct swb_buf *buf, const char *key, uint64_t value) _warn_unused_;
int swb_kv_put_i64(struct swb_buf *buf, const char *key, int64_t value) _warn_unused_;

struct swb_kv; /* a parsed block, owns its text */

/* Copies and parses. -EBADMSG: a line without '=', a bad key or escape, a key twice, a NUL;
 * -E2BIG: more than SWB_KV_ENTRIES_MAX lines; -ENOMEM. */
int swb_kv_parse(const void *text, size_t n_bytes, struct swb_kv **ret) _warn_unused_;
struct swb_kv *swb_kv_free(struct swb_kv *kv);
SWB_DEFINE_CLEANUP(struct swb_kv *, swb_kv_free)

/* The value, borrowed from kv; `otherwise` when the key is absent. */
const char *swb_kv_str(const struct swb_kv *kv, const char *key, const char *otherwise);
/* -ENOENT absent, -EINVAL or -ERANGE not a number. */
int swb_kv_u64(const struct swb_kv *kv, const char *key, uint64_t *ret) _warn_unused_;
int swb_kv_i64(const struct swb_kv *kv, const char *key, int64_t *ret) _warn_unused_;
