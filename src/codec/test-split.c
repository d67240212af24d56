/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "base/error.h"
#include "base/test.h"
#include "codec/split_format.h"

#define N_MAX ((size_t)256 << 10)

static uint8_t data[N_MAX], made[N_MAX];
static size_t n_made;
static struct swb_buf work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES);

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(seed >> 33) % below;
}

static int drop_work(void **state)
{
        (void)state;
        swb_buf_done(&work);
        return 0;
}

static int take_made(void *context, const uint8_t *bytes, size_t n)
{
        (void)context;
        if (n > N_MAX - n_made)
                return -ENOSPC;
        memcpy(made + n_made, bytes, n);
        n_made += n;
        return 0;
}

static int unsplit(const uint8_t *blob, size_t n_blob, size_t n_target)
{
        n_made = 0;
        return swb_unsplit(blob, n_blob, n_target, &work, take_made, NULL);
}

static void check(const struct swb_split_region *regions, size_t n, struct swb_buf *blob)
{
        size_t n_bytes = 0;

        for (size_t i = 0; i < n; i++)
                n_bytes += regions[i].n_bytes;
        assert_int_equal(swb_split(data, regions, n, blob), 0);
        assert_int_equal(unsplit(blob->data, blob->n_bytes, n_bytes), 0);
        assert_int_equal(n_made, n_bytes);
        assert_memory_equal(made, data, n_bytes);
}

/* Calls and references to a few places, with bytes between them that begin the like. */
static void fill_code(size_t n)
{
        static const uint8_t opcodes[][2] = {{0xe8, 0},    {0xe9, 0},    {0x0f, 0x84}, {0x8b, 0x05},
                                             {0x8d, 0x3d}, {0x0f, 0xb6}, {0xb6, 0x05}};
        size_t i = 0;

        while (i < n) {
                const uint8_t *opcode = opcodes[draw(SWB_ELEMENTS(opcodes))];

                data[i++] = opcode[0];
                if (i < n && opcode[1])
                        data[i++] = opcode[1];
                if (i + 4 > n)
                        continue;
                swb_put_le32(data + i,
                             draw(9) == 0 ? draw(UINT32_MAX) : draw(16) * 0x1234 - (uint32_t)i);
                i += 4;
                while (i < n && draw(3) > 0)
                        data[i++] = (uint8_t)draw(256);
        }
}

static void test_instructions_come_back(void **state)
{
        (void)state;
        for (size_t n = 1; n < 3000; n = n < 20 ? n + 1 : n * 2) {
                _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(2 * N_MAX);
                const struct swb_split_region regions[] = {
                        {.n_bytes = n, .kind = SWB_SPLIT_PLAIN, .stream = SWB_STREAM_DATA},
                        {.n_bytes = n * 3, .kind = SWB_SPLIT_X86, .stream = SWB_STREAM_CODE},
                        {.n_bytes = 1, .kind = SWB_SPLIT_X86, .stream = SWB_STREAM_CODE},
                };

                fill_code(4 * n + 1);
                check(regions, SWB_ELEMENTS(regions), &blob);
        }
}

static void test_code_gets_smaller_than_as_a_whole(void **state)
{
        const struct swb_split_region plain = {N_MAX, SWB_SPLIT_PLAIN, SWB_STREAM_DATA, {0}};
        const struct swb_split_region x86 = {N_MAX, SWB_SPLIT_X86, SWB_STREAM_CODE, {0}};
        _cleanup_(swb_buf_done) struct swb_buf a = SWB_BUF_INIT(2 * N_MAX),
                                               b = SWB_BUF_INIT(2 * N_MAX);

        (void)state;
        fill_code(N_MAX);
        check(&plain, 1, &a);
        check(&x86, 1, &b);
        assert_true(b.n_bytes < a.n_bytes - a.n_bytes / 8);
}

static void fill_relocations(size_t n)
{
        for (size_t i = 0; i + 24 <= n; i += 24) {
                swb_put_le64(data + i, i * 3 + draw(8));
                swb_put_le32(data + i + 8, 2);
                swb_put_le32(data + i + 12, draw(300));
                swb_put_le64(data + i + 16, (uint64_t)0 - 4);
        }
}

static void test_records_come_back(void **state)
{
        const struct swb_split_region plain = {24000, SWB_SPLIT_PLAIN, SWB_STREAM_DATA, {0}};
        const struct swb_split_region regions[] = {
                {12000, SWB_SPLIT_RECORDS, SWB_STREAM_RELOCATIONS, {8, 4, 4, 8}},
                {11976, SWB_SPLIT_RECORDS, SWB_STREAM_RELOCATIONS, {8, 4, 4, 8}},
                {24, SWB_SPLIT_RECORDS, SWB_STREAM_SYMBOLS, {4, 1, 1, 2, 8, 8}},
        };
        _cleanup_(swb_buf_done) struct swb_buf a = SWB_BUF_INIT(N_MAX), b = SWB_BUF_INIT(N_MAX);

        (void)state;
        fill_relocations(24000);
        check(&plain, 1, &a);
        check(regions, SWB_ELEMENTS(regions), &b);
        assert_true(b.n_bytes < a.n_bytes - a.n_bytes / 5);
}

/* Sequences as LZ4 has them. Return: where the last whole one ends. */
static size_t fill_lz4(size_t n)
{
        size_t i = 0;

        while (i + 600 < n) {
                unsigned literals = draw(400), match = draw(300);

                data[i++] = (uint8_t)(SWB_MIN(literals, 15u) << 4 | SWB_MIN(match, 15u));
                if (literals >= 15) {
                        unsigned left = literals - 15;

                        for (; left >= 255; left -= 255)
                                data[i++] = 255;
                        data[i++] = (uint8_t)left;
                }
                for (unsigned k = 0; k < literals; k++)
                        data[i++] = (uint8_t)draw(20);
                swb_put_be16(data + i, (uint16_t)draw(60000));
                i += 2;
                if (match >= 15) {
                        unsigned left = match - 15;

                        for (; left >= 255; left -= 255)
                                data[i++] = 255;
                        data[i++] = (uint8_t)left;
                }
        }
        return i;
}

static void test_lz4_blocks_come_back_wherever_they_are_cut(void **state)
{
        size_t end;

        (void)state;
        end = fill_lz4(20000);
        assert_int_equal(swb_split_lz4_whole(data, end), end);
        for (size_t n = 1; n <= end; n = n < 100 ? n + 1 : n + 997) {
                const struct swb_split_region region = {n, SWB_SPLIT_LZ4, SWB_STREAM_LZ4, {0}};
                _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(N_MAX);

                check(&region, 1, &blob);
        }
}

/* Every byte of the blob changed, and every length of it: no crash, and nothing too long. */
static void test_damage_is_refused_or_harmless(void **state)
{
        const struct swb_split_region regions[] = {
                {480, SWB_SPLIT_RECORDS, SWB_STREAM_RELOCATIONS, {8, 4, 4, 8}},
                {300, SWB_SPLIT_X86, SWB_STREAM_CODE, {0}},
                {400, SWB_SPLIT_LZ4, SWB_STREAM_LZ4, {0}},
                {200, SWB_SPLIT_PLAIN, SWB_STREAM_DATA, {0}},
        };
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(N_MAX);

        (void)state;
        fill_lz4(2000);
        check(regions, SWB_ELEMENTS(regions), &blob);
        for (size_t i = 0; i < blob.n_bytes; i++) {
                uint8_t saved = blob.data[i];

                assert_true(unsplit(blob.data, i, 1380) < 0);
                blob.data[i] ^= (uint8_t)(1 + draw(255));
                (void)unsplit(blob.data, blob.n_bytes, 1380);
                assert_true(n_made <= 1380);
                blob.data[i] = saved;
        }
        assert_int_equal(unsplit(blob.data, blob.n_bytes, 1379), -EBADMSG);
        assert_int_equal(unsplit(blob.data, blob.n_bytes, SWB_SPLIT_TARGET_MAX + 1), -E2BIG);
}

static void test_the_callers_error_comes_through(void **state)
{
        /* two streams, neither packed: a region PLAIN of one byte, and that byte */
        static const uint8_t blob[] = {'S', 'W', 'S', '1', 2, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0,
                                       0,   0,   0,   1,   0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 'x'};

        (void)state;
        assert_int_equal(unsplit(blob, sizeof(blob), 1), 0);
        assert_int_equal(made[0], 'x');
        n_made = N_MAX;
        assert_int_equal(swb_unsplit(blob, sizeof(blob), 1, &work, take_made, NULL), -ENOSPC);
}

/* A helper that does everything at once, or one that comes too late to do anything. */
struct helper {
        bool late;
        unsigned n_started, n_waited;
        void (*work)(void *argument);
        void *argument;
};

static void start_helper(void *context, void (*run)(void *argument), void *argument)
{
        struct helper *helper = context;

        helper->n_started++;
        helper->work = run;
        helper->argument = argument;
        if (!helper->late)
                run(argument);
}

static void wait_helper(void *context)
{
        struct helper *helper = context;

        helper->n_waited++;
        if (helper->late)
                helper->work(helper->argument);
}

/* Never more room than was asked for, each time elsewhere, so that a sanitizer sees its end. */
struct tight {
        uint8_t *room;
};

static int tight_room(void *context, size_t want, uint8_t **ret_out, size_t *ret_n)
{
        struct tight *tight = context;

        assert_true(want <= SWB_SPLIT_ROOM_BYTES);
        free(tight->room);
        tight->room = malloc(want);
        *ret_out = tight->room;
        *ret_n = want;
        return tight->room ? 0 : -ENOMEM;
}

static void tight_made(void *context, size_t n)
{
        struct tight *tight = context;

        assert_int_equal(take_made(NULL, tight->room, n), 0);
}

static int unsplit_tightly(const struct swb_buf *blob, size_t n_target,
                           const struct swb_split_helper *helper)
{
        struct tight tight = {0};
        const struct swb_split_output output = {&tight, tight_room, tight_made};
        int r;

        n_made = 0;
        r = swb_unsplit_into(blob->data, blob->n_bytes, n_target, &work, helper, &output);
        free(tight.room);
        return r;
}

/* Whatever begins an operand, at all places of a stretch that is looked at at once. */
static void test_operands_end_to_end(void **state)
{
        static const uint8_t ends[][2] = {{0xe8, 0xe8}, {0x0f, 0x85}, {0x8b, 0x05}, {0x0f, 0x0f}};
        const struct swb_split_region regions[] = {{20000, SWB_SPLIT_X86, SWB_STREAM_CODE, {0}}};

        (void)state;
        for (size_t k = 0; k < SWB_ELEMENTS(ends); k++)
                for (size_t shift = 0; shift < 7; shift++) {
                        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(N_MAX);

                        memset(data, 0x90, 20000);
                        for (size_t i = shift; i + 7 < 20000; i += k + 3)
                                memcpy(data + i, ends[k], 2);
                        check(regions, 1, &blob);
                        assert_int_equal(unsplit_tightly(&blob, 20000, NULL), 0);
                        assert_int_equal(n_made, 20000);
                        assert_memory_equal(made, data, n_made);
                }
}

static void test_a_helper_changes_nothing(void **state)
{
        const struct swb_split_region regions[] = {
                {3000, SWB_SPLIT_X86, SWB_STREAM_CODE, {0}},
                {2000, SWB_SPLIT_PLAIN, SWB_STREAM_DATA, {0}},
        };
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(N_MAX);

        (void)state;
        fill_code(5000);
        assert_int_equal(swb_split(data, regions, SWB_ELEMENTS(regions), &blob), 0);
        for (int late = 0; late < 2; late++) {
                struct helper context = {.late = late};
                const struct swb_split_helper helper = {&context, start_helper, wait_helper};

                assert_int_equal(unsplit_tightly(&blob, 5000, &helper), 0);
                assert_int_equal(n_made, 5000);
                assert_memory_equal(made, data, n_made);
                blob.data[blob.n_bytes - 1] ^= 1; /* of the last stream */
                assert_true(unsplit_tightly(&blob, 5000, &helper) < 0);
                blob.data[blob.n_bytes - 1] ^= 1;
                assert_int_equal(context.n_started, 2);
                assert_int_equal(context.n_waited, 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_instructions_come_back),
                cmocka_unit_test(test_code_gets_smaller_than_as_a_whole),
                cmocka_unit_test(test_operands_end_to_end),
                cmocka_unit_test(test_records_come_back),
                cmocka_unit_test(test_lz4_blocks_come_back_wherever_they_are_cut),
                cmocka_unit_test(test_damage_is_refused_or_harmless),
                cmocka_unit_test(test_the_callers_error_comes_through),
                cmocka_unit_test(test_a_helper_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, drop_work);
}
