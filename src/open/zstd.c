/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>
#include <zstd_errors.h>

#include "open/libraries.h"

/* What the library allocates beside a window that it decodes with. */
#define BESIDE_WINDOW_BYTES ((uint64_t)1 << 20)
/* What an encoder has beside its tables, without and with buffers of its own. */
#define BESIDE_TABLES_BYTES ((uint64_t)512 << 10)
#define BESIDE_STREAM_BYTES ((uint64_t)1 << 20)
/* A worker takes its input in jobs of so many windows, at least so many bytes. The library has room
 * for four of them, one more for what is made, and a thread with its stack.
 */
#define JOB_WINDOWS 4u
#define JOB_MIN_BYTES ((uint64_t)1 << 20)
#define JOB_LEAST_BYTES ((uint64_t)512 << 10)
#define JOBS_KEPT 5u
#define WORKER_BYTES ((uint64_t)2 << 20)
#define BUFFER_BYTES ((size_t)128 << 10)

/* Parameters: version, level, flags, window log (0: the level's). */
enum { LEVEL = 1, FLAGS = 2, WINDOW_LOG = 3 };
enum {
        CHECKSUM = 1, /* behind the content */
        SIZED = 2,    /* the content's size stands in the head */
        STREAM = 4,   /* made in pieces; else all at once, which gives other bytes */
        WORKERS = 8,  /* as with threads, which gives other bytes, too */
};

/* ---- opening */

static int open_unpacker(uint64_t max_memory_bytes, void **ret_state)
{
        ZSTD_DCtx *ctx = ZSTD_createDCtx();
        int log = 10;
        size_t r;

        if (!ctx)
                return -ENOMEM;
        while (log < 30 && ((uint64_t)2 << log) + BESIDE_WINDOW_BYTES <= max_memory_bytes)
                log++;
        r = ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, log);
        if (ZSTD_isError(r)) {
                (void)ZSTD_freeDCtx(ctx); /* always 0 */
                return -EINVAL;
        }
        *ret_state = ctx;
        return 0;
}

static void close_unpacker(void *state)
{
        (void)ZSTD_freeDCtx(state); /* always 0 */
}

static int error_of(size_t r)
{
        ZSTD_ErrorCode code = ZSTD_getErrorCode(r);

        if (code == ZSTD_error_frameParameter_windowTooLarge)
                return -E2BIG;
        return code == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
}

static int step_unpacker(void *state, const uint8_t **in, size_t *n_in, uint8_t **out,
                         size_t *n_out)
{
        ZSTD_inBuffer input = {*in, *n_in, 0};
        ZSTD_outBuffer output = {*out, *n_out, 0};
        size_t r = ZSTD_decompressStream(state, &output, &input);

        *in += input.pos;
        *n_in -= input.pos;
        *out += output.pos;
        *n_out -= output.pos;
        if (ZSTD_isError(r))
                return error_of(r);
        return r == 0 ? SWB_UNPACK_END : SWB_UNPACK_MORE;
}

const struct swb_unpacker_ops *swb_zstd_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_unpacker, step_unpacker, close_unpacker};

        return &ops;
}

uint32_t swb_zstd_version(void)
{
        return ZSTD_versionNumber();
}

/* ---- closing */

struct closing {
        struct swb_gathered *whole; /* NULL: a stream */
        const struct swb_setting *setting;
        struct swb_encoder_job job;
        ZSTD_CCtx *ctx;
        uint8_t *buffer;
};

/* Of the level, or the content if the library knows how large that is. */
static uint64_t window_of(const struct swb_setting *setting, uint64_t n_opened)
{
        static const uint8_t logs[23] = {0,  19, 20, 21, 21, 21, 21, 21, 21, 22, 22, 22,
                                         22, 22, 22, 22, 22, 23, 23, 23, 25, 26, 27};
        const uint32_t *p = setting->parameters;
        uint64_t window = (uint64_t)1 << (p[WINDOW_LOG] ? p[WINDOW_LOG] : logs[p[LEVEL]]);

        if ((p[FLAGS] & STREAM) && !(p[FLAGS] & SIZED))
                return window;
        while (window / 2 >= n_opened && window > 1024)
                window /= 2;
        return window;
}

/* Without a smaller content, in MiB, rounded up: 1.5.4 has them so. They shrink with the window. */
static uint64_t tables_of(unsigned level, uint64_t window)
{
        static const uint16_t full[23] = {0,  1,  1,  2,  3,  4,  4,  7,  7,   13,  25, 25,
                                          49, 33, 49, 65, 33, 49, 50, 82, 162, 322, 650};
        uint64_t most = (uint64_t)full[level] << 20;
        uint64_t shrunk = window * (level < 6 ? 12 : 22);

        return (shrunk < most ? shrunk : most) + BESIDE_TABLES_BYTES;
}

/* What is all in one job needs no more room than it has bytes, and comes out the same. */
static uint64_t job_of(uint64_t window, uint64_t n_opened)
{
        uint64_t job = window * JOB_WINDOWS;

        job = job < JOB_MIN_BYTES ? JOB_MIN_BYTES : job;
        if (n_opened >= job)
                return job;
        return n_opened < JOB_LEAST_BYTES ? JOB_LEAST_BYTES : n_opened + 1;
}

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        const uint32_t *p = setting->parameters;
        uint64_t window = window_of(setting, n_opened), job = job_of(window, n_opened);
        uint64_t n = tables_of(p[LEVEL], window);

        if (p[FLAGS] & WORKERS)
                n += JOBS_KEPT * (job < window ? window : job) + WORKER_BYTES;
        else if (p[FLAGS] & STREAM)
                n += window + BESIDE_STREAM_BYTES;
        return n + (p[FLAGS] & STREAM ? 0 : n_opened + n_encoded);
}

static int set(ZSTD_CCtx *ctx, ZSTD_cParameter parameter, int value)
{
        return ZSTD_isError(ZSTD_CCtx_setParameter(ctx, parameter, value)) ? -EINVAL : 0;
}

static int set_worker(const struct closing *closing)
{
        uint64_t window = window_of(closing->setting, closing->job.n_opened);
        uint64_t job = job_of(window, closing->job.n_opened);
        int r = set(closing->ctx, ZSTD_c_nbWorkers, 1);

        if (r < 0 || job <= closing->job.n_opened)
                return r; /* the library's own size */
        return set(closing->ctx, ZSTD_c_jobSize, (int)job);
}

static int set_all(const struct closing *closing)
{
        const uint32_t *p = closing->setting->parameters;
        int r = set(closing->ctx, ZSTD_c_compressionLevel, (int)p[LEVEL]);

        if (r >= 0)
                r = set(closing->ctx, ZSTD_c_checksumFlag, p[FLAGS] & CHECKSUM ? 1 : 0);
        if (r >= 0 && p[WINDOW_LOG])
                r = set(closing->ctx, ZSTD_c_windowLog, (int)p[WINDOW_LOG]);
        if (r >= 0 && p[FLAGS] & WORKERS)
                r = set_worker(closing);
        if (r >= 0 && p[FLAGS] & SIZED &&
            ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(closing->ctx, closing->job.n_opened)))
                r = -EINVAL;
        return r;
}

static void close_closing(void *state)
{
        struct closing *closing = state;

        if (closing->whole)
                swb_gathered_close(closing->whole);
        (void)ZSTD_freeCCtx(closing->ctx); /* always 0 */
        free(closing->buffer);
        free(closing);
}

static int prepare(struct closing *closing)
{
        void *whole = NULL;
        int r = 0;

        closing->ctx = ZSTD_createCCtx();
        closing->buffer = malloc(BUFFER_BYTES);
        if (!closing->ctx || !closing->buffer)
                return -ENOMEM;
        if (!(closing->setting->parameters[FLAGS] & STREAM))
                r = swb_gathered_open(&closing->job, &whole);
        closing->whole = whole;
        return r < 0 ? r : set_all(closing);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        struct closing *closing;
        int r;

        if (job->setting->parameters[0] != ZSTD_versionNumber())
                return -EPROTONOSUPPORT;
        closing = calloc(1, sizeof(*closing));
        if (!closing)
                return -ENOMEM;
        closing->setting = job->setting;
        closing->job = *job;
        r = prepare(closing);
        if (r < 0) {
                close_closing(closing);
                return r;
        }
        *ret_state = closing;
        return 0;
}

/* Return: 0 when all input was taken (and, at the end, all is out). */
static int run(struct closing *closing, const uint8_t *data, size_t n, ZSTD_EndDirective end)
{
        ZSTD_inBuffer input = {data, n, 0};
        size_t left;
        int r;

        do {
                ZSTD_outBuffer output = {closing->buffer, BUFFER_BYTES, 0};

                left = ZSTD_compressStream2(closing->ctx, &output, &input, end);
                if (ZSTD_isError(left))
                        return error_of(left);
                r = output.pos > 0
                            ? closing->job.write(closing->job.context, closing->buffer, output.pos)
                            : 0;
                if (r < 0)
                        return r;
        } while (end == ZSTD_e_end ? left > 0 : input.pos < input.size);
        return 0;
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct closing *closing = state;

        if (closing->whole)
                return swb_gathered_put(closing->whole, data, n);
        return run(closing, data, n, ZSTD_e_continue);
}

static int finish(void *state)
{
        struct closing *closing = state;
        _cleanup_free_ uint8_t *made = NULL;
        size_t n_room, n;

        if (!closing->whole)
                return run(closing, NULL, 0, ZSTD_e_end);
        made = swb_gathered_room(closing->whole, &n_room);
        if (!made)
                return -ENOMEM;
        n = ZSTD_compress2(closing->ctx, made, n_room, closing->whole->data, closing->whole->n);
        if (ZSTD_isError(n))
                return error_of(n);
        return closing->job.write(closing->job.context, made, n);
}

const struct swb_encoder_ops *swb_zstd_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
