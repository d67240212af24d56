/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/replace.h"

#include "codec/codec.h"

/* xz must be smaller than zstd by one part in this many to be worth its slow decoder. */
#define XZ_GAIN_SHARE 20u
/* A quick look: what zstd's fastest level shrinks by less than one part in this many is compressed.
 */
#define QUICK_LEVEL 1
#define QUICK_SHARE 200u
/* No encoder made less than this of what that level makes of binaries and texts; usual: 75. */
#define ESTIMATE_LEVEL 3
#define ESTIMATE_PERCENT 65u

/* Level 19 makes 0.3 % less and takes a fifth longer. */
#define ZSTD_LEVEL 18
/* The encoders' tables at the levels used, measured: xz 94 MiB, zstd 12 bytes a byte of its window,
 * which is 8 MiB at most. One runs after the other. */
#define ENCODER_BYTES ((uint64_t)100 << 20)

static int encode(enum swb_codec codec, int level, const uint8_t *data, size_t n_bytes,
                  struct swb_buf *buf)
{
        int r;

        swb_buf_reset(buf);
        r = swb_encode(codec, level, data, n_bytes, buf);
        if (r == -E2BIG)
                swb_buf_reset(buf); /* not smaller: no candidate */
        return r == -E2BIG ? 0 : r;
}

/* Empty means "larger than the raw bytes" in what follows. */
static bool is_better(const struct swb_buf *candidate, size_t limit)
{
        return candidate->n_bytes > 0 && candidate->n_bytes < limit;
}

static void swap(struct swb_buf *a, struct swb_buf *b)
{
        struct swb_buf saved = *a;

        *a = *b;
        *b = saved;
}

/* Can anything be gained at all? */
static int looks_compressible(const uint8_t *data, size_t n_bytes, bool *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(n_bytes);
        int r = encode(SWB_CODEC_ZSTD, QUICK_LEVEL, data, n_bytes, &quick);

        if (r == 0)
                *ret = is_better(&quick, n_bytes - n_bytes / QUICK_SHARE);
        return r;
}

static int encode_own(const struct swb_rules *rules, const uint8_t *data, size_t n_bytes,
                      enum swb_op_type *ret_type, struct swb_buf *best, struct swb_buf *other)
{
        int r = encode(SWB_CODEC_ZSTD, ZSTD_LEVEL, data, n_bytes, best);
        size_t limit;

        if (r == 0 && (rules->delta || rules->pieces))
                r = encode(SWB_CODEC_XZ, 0, data, n_bytes, other);
        if (r < 0)
                return r;
        *ret_type = SWB_OP_REPLACE_ZSTD;
        limit = best->n_bytes ? best->n_bytes : n_bytes;
        if (is_better(other, limit - limit / XZ_GAIN_SHARE)) {
                swap(best, other);
                *ret_type = SWB_OP_REPLACE_XZ;
        }
        return 0;
}

static int encode_common(const struct swb_rules *rules, const uint8_t *data, size_t n_bytes,
                         enum swb_op_type *ret_type, struct swb_buf *best, struct swb_buf *other)
{
        int r = encode(SWB_CODEC_BZ2, 0, data, n_bytes, best);

        if (r == 0 && rules->xz)
                r = encode(SWB_CODEC_XZ, 0, data, n_bytes, other);
        if (r < 0)
                return r;
        *ret_type = SWB_OP_REPLACE_BZ;
        if (is_better(other, best->n_bytes ? best->n_bytes : n_bytes)) {
                swap(best, other);
                *ret_type = SWB_OP_REPLACE_XZ;
        }
        return 0;
}

int swb_replace_encode(const struct swb_rules *rules, const uint8_t *data, size_t n_bytes,
                       enum swb_op_type *ret_type, struct swb_buf *buf)
{
        _cleanup_(swb_buf_done) struct swb_buf best = SWB_BUF_INIT(n_bytes - 1);
        _cleanup_(swb_buf_done) struct swb_buf other = SWB_BUF_INIT(n_bytes - 1);
        enum swb_op_type type = SWB_OP_REPLACE;
        bool compressible;
        int r = looks_compressible(data, n_bytes, &compressible);

        if (r == 0 && compressible)
                r = rules->zstd ? encode_own(rules, data, n_bytes, &type, &best, &other)
                                : encode_common(rules, data, n_bytes, &type, &best, &other);
        if (r < 0)
                return r;
        swb_buf_reset(buf);
        if (best.n_bytes > 0)
                r = swb_buf_append(buf, best.data, best.n_bytes);
        else
                r = swb_buf_append(buf, data, n_bytes);
        if (r < 0)
                return r;
        *ret_type = best.n_bytes > 0 ? type : SWB_OP_REPLACE;
        return 0;
}

int swb_replace_estimate(const uint8_t *data, size_t n_bytes, size_t *ret_n_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(n_bytes);
        int r = encode(SWB_CODEC_ZSTD, ESTIMATE_LEVEL, data, n_bytes, &quick);

        if (r == 0)
                *ret_n_bytes = (quick.n_bytes ? quick.n_bytes : n_bytes) / 100 * ESTIMATE_PERCENT;
        return r;
}

uint64_t swb_replace_memory(void)
{
        return ENCODER_BYTES;
}
