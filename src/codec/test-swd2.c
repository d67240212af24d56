/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2.h"

#include "base/endian.h"
#include "base/test.h"
#include "codec/swd2_watch.h"
#include "codec/swd2patch.h"
#include "codec/swpatch.h"
#include "codec/test-memory.h"

/* Pieces of 32 bytes, each told by an entry. */
#define N_SHUFFLED 1000u

static int apply(const struct swb_buf *patch, const uint8_t *source, uint64_t n_source,
                 uint64_t n_target, struct swb_buf *target)
{
        struct memory memory = {source, n_source, SWB_BUF_INIT(1 << 26)};
        const struct swb_bspatch_io io = memory_io(&memory);
        int r = swb_swd2_patch(patch->data, patch->n_bytes, n_source, n_target, &io);

        *target = memory.target;
        return r;
}

/* ---- patches put together by hand, so that reader and writer do not agree by mistake */

static const uint8_t source[] = "The quick brown fox";
#define N_SOURCE (sizeof(source) - 1)
#define N_TARGET 11
#define N_STREAMS 6

struct parts {
        const char *magic;
        uint8_t window, needs, more_needs;
        const char *bytes[N_STREAMS];
        size_t sizes[N_STREAMS];
};

/* "quick" -> "quiet", "!?", then back to "The " */
static const struct parts good = {
        .magic = "SWD2",
        .window = 48,
        .needs = 49,
        .bytes = {"\0\x13\x0b\3\0", "\0\5\4", "\0\2\0", "\x08\x11\0", "\0\0\0\x02\x09\0\0\0\0",
                  "!?"},
        .sizes = {5, 3, 3, 3, 9, 2},
};

static struct swb_buf build(const struct parts *parts)
{
        struct swb_buf buf = SWB_BUF_INIT(1 << 16);
        uint8_t head[8 + 9 * N_STREAMS] = {0};

        memcpy(head, parts->magic, 4);
        head[4] = N_STREAMS;
        head[5] = parts->window;
        head[6] = parts->needs;
        head[7] = parts->more_needs;
        for (size_t i = 0; i < N_STREAMS; i++) {
                swb_put_le32(head + 8 + 9 * i + 1, (uint32_t)parts->sizes[i]);
                swb_put_le32(head + 8 + 9 * i + 5, (uint32_t)parts->sizes[i]);
        }
        assert_int_equal(swb_buf_append(&buf, head, sizeof(head)), 0);
        for (size_t i = 0; i < N_STREAMS; i++)
                assert_int_equal(swb_buf_append(&buf, parts->bytes[i], parts->sizes[i]), 0);
        return buf;
}

static void assert_answer(const struct parts *parts, int answer)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(parts);
        _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);

        assert_int_equal(apply(&patch, source, N_SOURCE, N_TARGET, &target), answer);
        if (answer == 0) {
                assert_int_equal(target.n_bytes, N_TARGET);
                assert_memory_equal(target.data, "quiet!?The ", N_TARGET);
        }
}

static void test_by_hand(void **state)
{
        (void)state;
        assert_answer(&good, 0);
}

struct watched {
        uint64_t bytes[SWB_SWD2_STREAMS_MAX], zeros, n_pieces, n_target;
        size_t n_parts;
};

static int watch_part(void *context, const struct swb_swd2_part *part)
{
        struct watched *watched = context;

        assert_int_equal(part->n_source, N_SOURCE);
        assert_int_equal(part->n_target, N_TARGET);
        assert_int_equal(part->target, 0);
        watched->n_parts++;
        return 0;
}

static void watch_taken(void *context, const struct swb_swd2_taken *taken)
{
        struct watched *watched = context;

        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                watched->bytes[i] += taken->bytes[i];
        watched->zeros += taken->zeros[SWB_SWD2_DIFFERENCES];
        /* the first one is the part */
        watched->n_target += watched->n_pieces++ > 0 ? taken->n_target : 0;
}

/* With a source all that the streams hold is told of, without it what the entries say. */
static void test_watched(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);
        struct memory memory = {source, N_SOURCE, SWB_BUF_INIT(1 << 26)};
        const struct swb_bspatch_io io = memory_io(&memory);
        const struct swb_bspatch_io *both[] = {&io, NULL};
        struct swb_swd2_table table;

        (void)state;
        assert_int_equal(swb_swd2_table_read(patch.data, patch.n_bytes, &table), 0);
        assert_int_equal(table.n_streams, N_STREAMS);
        for (size_t i = 0; i < SWB_ELEMENTS(both); i++) {
                struct watched watched = {0};
                struct swb_swd2_watch watch = {
                        .context = &watched, .part = watch_part, .taken = watch_taken};

                assert_int_equal(swb_swd2_stat(patch.data, patch.n_bytes, N_SOURCE, N_TARGET,
                                               both[i], &watch),
                                 0);
                assert_int_equal(watched.n_parts, 1);
                assert_int_equal(watched.n_target, N_TARGET);
                assert_int_equal(watched.zeros, both[i] ? 7 : 0);
                for (size_t k = 0; k < N_STREAMS; k++)
                        assert_int_equal(watched.bytes[k], table.bytes[k]);
        }
        swb_buf_done(&memory.target);
}

static void test_bad_heads(void **state)
{
        struct parts parts = good;
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);

        (void)state;
        parts.magic = "SWD3";
        assert_answer(&parts, -EBADMSG);
        for (size_t n = 0; n < patch.n_bytes; n++) {
                struct swb_buf cut = {.data = patch.data, .n_bytes = n};
                _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);

                assert_int_equal(apply(&cut, source, N_SOURCE, N_TARGET, &target), -EBADMSG);
        }
        for (size_t i = 0; i < N_STREAMS; i++) {
                _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);
                uint8_t saved = patch.data[8 + 9 * i];

                patch.data[8 + 9 * i] = 7; /* no such coding */
                assert_int_equal(apply(&patch, source, N_SOURCE, N_TARGET, &target), -EBADMSG);
                patch.data[8 + 9 * i] = saved;
        }
}

static void test_bad_streams(void **state)
{
        static const struct {
                size_t stream;
                const char *bytes;
                size_t n;
                int answer;
        } cases[] = {
                {0, "\x14\x13\x0b\3\0", 5, -EBADMSG},         /* begins behind the source */
                {0, "\1\x13\x0b\3\0", 5, -EBADMSG},           /* ends behind it */
                {0, "\0\x13\x0c\3\0", 5, -EBADMSG},           /* makes more than is wanted */
                {0, "\0\x13\x0a\3\0", 5, -EBADMSG},           /* less */
                {0, "\0\x13\0\3\0", 5, -EBADMSG},             /* nothing */
                {0, "\0\x13\x0b\0\0", 5, -EBADMSG},           /* of no entries */
                {0, "\0\x13\x0b\2\0", 5, -EBADMSG},           /* of fewer */
                {0, "\0\x13\x0b\4\0", 5, -EBADMSG},           /* of more than there are */
                {0, "\0\x13\x0b\x81\x80\x10\0", 7, -E2BIG},   /* of too many */
                {0, "\0\x13\x0b\3\x1f", 5, -EPROTONOSUPPORT}, /* a model of the future */
                {0, "\0\x13\x0b\3\1\x81\x80\x08", 8, -E2BIG}, /* more hints than allowed */
                {0, "\0\x13\x0b\3\0\0", 6, -EBADMSG},         /* something left over */
                {1, "\0\5\4\0", 4, -EBADMSG},
                {2, "\0\2", 2, -EBADMSG},
                {2, "\0\3\0", 3, -EBADMSG},
                {3, "\x08\x0e\0", 3, -EBADMSG}, /* copies beyond the source */
                {3, "\x08\x13\0", 3, -EBADMSG}, /* moves in front of it */
                {3, "\x08\x11\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 12, -EBADMSG},
                {4, "\0\0\0\x02\x09\0\0\0", 8, -EBADMSG},
                {5, "!?!", 3, -EBADMSG},
                {5, "!", 1, -EBADMSG},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                struct parts parts = good;

                parts.bytes[cases[i].stream] = cases[i].bytes;
                parts.sizes[cases[i].stream] = cases[i].n;
                assert_answer(&parts, cases[i].answer);
        }
}

/* ---- there and back */

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

static const uint8_t elf_start[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

/* Two contents that resemble each other; `elf`: the model is to look at them. */
static void make_pair(uint8_t *old, size_t n_old, uint8_t *new, size_t n_new, bool elf)
{
        uint32_t state = 7;

        for (size_t i = 0; i < n_old; i++)
                old[i] = (uint8_t)next_random(&state);
        for (size_t i = 0; i < n_new; i++)
                new[i] = i < 3000 ? old[i] : old[(i + 37) % n_old];
        for (size_t i = 0; i < n_new / 50; i++)
                new[next_random(&state) % n_new] ^= (uint8_t)next_random(&state);
        if (elf) {
                memcpy(old, elf_start, sizeof(elf_start));
                memcpy(new, elf_start, sizeof(elf_start));
                swb_put_le64(old + 40, n_old / 2);
                swb_put_le64(new + 40, n_new / 2);
        }
}

#define N_OLD ((size_t)60000)
#define N_NEW ((size_t)57000)

static void check_round_trip(enum swb_swd2_effort effort, bool elf)
{
        _cleanup_free_ uint8_t *old = malloc(2 * N_OLD), *new = malloc(2 * N_NEW);
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(1 << 24);
        _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);

        assert_non_null(old);
        assert_non_null(new);
        make_pair(old, N_OLD, new, N_NEW, elf);
        make_pair(old + N_OLD, N_OLD, new + N_NEW, N_NEW, false);
        swb_swd2_init(&swd2, effort, SWB_PATCH_MEMORY_BYTES);
        assert_int_equal(swb_swd2_add(&swd2, old, N_OLD - 9, 0, new, N_NEW), 0);
        /* nothing of the second one's first bytes: a part may begin behind a gap */
        assert_int_equal(
                swb_swd2_add(&swd2, old + N_OLD + 5, N_OLD - 5, N_OLD + 5, new + N_NEW, N_NEW), 0);
        assert_int_equal(swd2.predicts,
                         elf && effort != SWB_SWD2_BYTES && effort != SWB_SWD2_EVERY);
        assert_int_equal(swb_swd2_write(&swd2, &patch), 0);
        assert_true(patch.n_bytes < (N_OLD + N_NEW) / 4);
        assert_int_equal(apply(&patch, old, 2 * N_OLD, 2 * N_NEW, &target), 0);
        assert_int_equal(target.n_bytes, 2 * N_NEW);
        assert_memory_equal(target.data, new, 2 * N_NEW);
}

static void test_round_trips(void **state)
{
        (void)state;
        for (int effort = SWB_SWD2_BYTES; effort <= SWB_SWD2_EVERY; effort++)
                check_round_trip((enum swb_swd2_effort)effort, false);
        check_round_trip(SWB_SWD2_BYTES, true);
        check_round_trip(SWB_SWD2_QUICK, true);
        check_round_trip(SWB_SWD2_MASKED, true);
        check_round_trip(SWB_SWD2_THOROUGH, true);
}

/* A program whose calls, as they seem, cross 16 bytes that came in, and still are what they were.
 */
static void make_liar(uint8_t *old, uint8_t *new)
{
        uint32_t state = 5;
        uint8_t *headers = old + N_OLD - 128;

        for (size_t i = 0; i < N_OLD; i++)
                old[i] = (uint8_t)next_random(&state);
        memset(old, 0, 64);
        memcpy(old, elf_start, sizeof(elf_start));
        memcpy(old + 16, "\3\0\76", 3);
        swb_put_le64(old + 40, N_OLD - 128);
        memcpy(old + 58, "\100\0\2", 3);
        memset(headers, 0, 128);
        headers[64 + 4] = 1;
        headers[64 + 8] = 6;
        swb_put_le64(headers + 64 + 16, 0x1000);
        swb_put_le64(headers + 64 + 24, 64);
        swb_put_le64(headers + 64 + 32, N_OLD - 192);
        for (size_t i = 64; i + 5 < N_OLD / 4; i += 16) {
                old[i] = 0xe8;
                swb_put_le32(old + i + 1, (uint32_t)(N_OLD / 2 + next_random(&state) % 9999));
        }
        memcpy(new, old, N_OLD / 3);
        memset(new + N_OLD / 3, 0x90, 16);
        memcpy(new + N_OLD / 3 + 16, old + N_OLD / 3, N_OLD - N_OLD / 3);
        swb_put_le64(new + 40, N_OLD - 128 + 16);
        swb_put_le64(new + N_OLD + 16 - 128 + 64 + 32, N_OLD - 192 + 16);
}

static void test_prediction_that_loses(void **state)
{
        _cleanup_free_ uint8_t *old = malloc(N_OLD), *new = malloc(N_OLD + 16);

        (void)state;
        assert_non_null(old);
        assert_non_null(new);
        make_liar(old, new);
        for (int effort = SWB_SWD2_QUICK; effort <= SWB_SWD2_THOROUGH; effort++) {
                _cleanup_(swb_swd2_done) struct swb_swd2 swd2;

                swb_swd2_init(&swd2, (enum swb_swd2_effort)effort, SWB_PATCH_MEMORY_BYTES);
                assert_int_equal(swb_swd2_add(&swd2, old, N_OLD, 0, new, N_OLD + 16), 0);
                assert_false(swd2.predicts);
        }
}

/* ---- memory: what the head tells holds for both sides */

static void test_memory_of_the_head(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);
        struct parts parts = good;
        uint64_t most = (SWB_PATCH_MEMORY_BYTES - patch.n_bytes) / SWB_SWD2_UNIT_BYTES;

        (void)state;
        assert_int_equal(swb_swd2_needs(0, 3, 0), 49 * SWB_SWD2_UNIT_BYTES);
        assert_int_equal(swb_patch_needs(patch.data, patch.n_bytes), 49 * SWB_SWD2_UNIT_BYTES);
        parts.needs = 48; /* three entries are above that */
        assert_answer(&parts, -E2BIG);
        parts.needs = 47;
        assert_answer(&parts, -E2BIG);
        parts.needs = (uint8_t)most;
        parts.more_needs = (uint8_t)(most >> 8);
        assert_answer(&parts, 0);
        parts.needs = (uint8_t)(most + 1);
        parts.more_needs = (uint8_t)((most + 1) >> 8);
        assert_answer(&parts, -E2BIG);
        parts = good;
        parts.window = 56;
        assert_answer(&parts, 0);
        parts.window = 57;
        assert_answer(&parts, -E2BIG);
}

/* Every stream of a coding counts with what its decoder may take, and not a byte less will do. */
static void test_memory_of_decoders(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);
        _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);
        uint64_t units, n = (uint64_t)1 << 30;

        (void)state;
        patch.data[8 + 9 * 4] = 1; /* xz; that it is not shows later */
        swb_put_le32(patch.data + 8 + 9 * 4 + 5, (uint32_t)n);
        units = swb_swd2_needs(swb_swd2_decoder_bytes(SWB_CODEC_XZ, n, 3u << 20), 0, 0) /
                SWB_SWD2_UNIT_BYTES;
        patch.data[6] = (uint8_t)units;
        assert_int_equal(apply(&patch, source, N_SOURCE, N_TARGET, &target), -E2BIG);
        swb_buf_done(&target);
        patch.data[6]++; /* and the entries */
        assert_int_equal(apply(&patch, source, N_SOURCE, N_TARGET, &target), -EBADMSG);
        swb_buf_done(&target);
        patch.data[6] = (uint8_t)(units - 1);
        assert_int_equal(apply(&patch, source, N_SOURCE, N_TARGET, &target), -E2BIG);
}

/* Made for readers with less and less memory: smaller windows, then nothing. */
static void test_memory_of_makers(void **state)
{
        const size_t n = 400000;
        _cleanup_free_ uint8_t *old = malloc(n), *new = malloc(n);
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        size_t window = SIZE_MAX, n_windows = 0;
        int r = 0;

        (void)state;
        assert_non_null(old);
        assert_non_null(new);
        make_pair(old, n, new, n, false);
        memcpy(new, old, n);
        for (size_t i = 0; i < n; i += 5003)
                new[i]++;
        swb_swd2_init(&swd2, SWB_SWD2_BYTES, SWB_PATCH_MEMORY_BYTES);
        assert_int_equal(swb_swd2_add(&swd2, old, n, 0, new, n), 0);
        for (swd2.max_memory_bytes = 5u << 20; r == 0; swd2.max_memory_bytes -= 64u << 10) {
                _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(1 << 24);
                _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(0);
                struct swb_swd2_table table;

                r = swb_swd2_write(&swd2, &patch);
                if (r < 0)
                        break;
                assert_int_equal(swb_swd2_table_read(patch.data, patch.n_bytes, &table), 0);
                assert_true(table.needs_bytes + patch.n_bytes <= swd2.max_memory_bytes);
                assert_true(table.window_bytes <= window);
                n_windows += table.window_bytes < window;
                window = table.window_bytes;
                assert_int_equal(apply(&patch, old, n, n, &target), 0);
                assert_memory_equal(target.data, new, n);
        }
        assert_int_equal(r, -E2BIG);
        assert_true(n_windows > 1);
}

/* Readers of SWD1 find out by themselves. */
static void test_by_magic(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);
        struct memory memory = {source, N_SOURCE, SWB_BUF_INIT(1 << 16)};
        const struct swb_bspatch_io io = memory_io(&memory);

        (void)state;
        assert_int_equal(swb_swpatch(patch.data, patch.n_bytes, N_SOURCE, N_TARGET,
                                     SWB_DECODER_MEMORY_BYTES, &io),
                         0);
        assert_memory_equal(memory.target.data, "quiet!?The ", N_TARGET);
        swb_buf_done(&memory.target);
}

/* What a reader has no memory for was found nevertheless, and is the same that SWD1 would find. */
static void test_unused(void **state)
{
        static uint8_t old[N_SHUFFLED * 32], new[N_SHUFFLED * 32];
        _cleanup_(swb_difference_done) struct swb_difference plain = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;

        (void)state;
        for (uint32_t i = 0, random = 1; i < sizeof(old); i++) {
                random = random * 1664525u + 1013904223u;
                old[i] = (uint8_t)(random >> 24);
        }
        for (size_t i = 0; i < N_SHUFFLED; i++)
                memcpy(new + 32 * i, old + 32 * (i * 37 % N_SHUFFLED), 32);
        swb_swd2_init(&swd2, SWB_SWD2_BYTES, SWB_SWD2_BESIDE_BYTES);
        for (; swd2.unused.n_entries == 0; swd2.max_memory_bytes += 4096)
                assert_int_equal(swb_swd2_add(&swd2, old, sizeof(old), 0, new, sizeof(new)),
                                 -E2BIG);
        assert_int_equal(swb_difference_add(&plain, old, sizeof(old), 0, new, sizeof(new)), 0);
        assert_int_equal(swd2.unused.n_target, sizeof(new));
        assert_int_equal(swd2.unused.n_entries, plain.n_entries);
        assert_memory_equal(swd2.unused.entries, plain.entries,
                            plain.n_entries * sizeof(*plain.entries));
        assert_int_equal(swd2.unused.diff.n_bytes, plain.diff.n_bytes);
        assert_memory_equal(swd2.unused.diff.data, plain.diff.data, plain.diff.n_bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_by_hand),
                cmocka_unit_test(test_bad_heads),
                cmocka_unit_test(test_bad_streams),
                cmocka_unit_test(test_round_trips),
                cmocka_unit_test(test_prediction_that_loses),
                cmocka_unit_test(test_by_magic),
                cmocka_unit_test(test_watched),
                cmocka_unit_test(test_memory_of_the_head),
                cmocka_unit_test(test_memory_of_decoders),
                cmocka_unit_test(test_memory_of_makers),
                cmocka_unit_test(test_unused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
