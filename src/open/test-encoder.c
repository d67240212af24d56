/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an encoder says that it takes is what a device plans with: here it is held against what the
 * allocator has in use (nothing with sanitizers, which have an allocator of their own).
 */
#include "base/test.h"

#include <malloc.h>
#include <string.h>
#include <zstd.h>

#include "open/encoder.h"

#define STEP_BYTES ((size_t)64 << 10)
#define ROOM_BYTES ((size_t)1 << 20)
#define ALLOCATOR_BYTES ((size_t)64 << 10) /* pages that are begun, its own heads */

struct used {
        size_t before, most;
};

static size_t in_use(void)
{
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static int look(void *context, const uint8_t *data, size_t n)
{
        struct used *used = context;

        (void)data, (void)n;
        used->most = SWB_MAX(used->most, in_use() - used->before);
        return 0;
}

/* In pieces; for encoders that this program has. */
static void check(struct swb_setting setting, size_t n)
{
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;
        _cleanup_free_ uint8_t *data = calloc(1, n);
        struct used used = {0};
        const struct swb_encoder_job job = {.setting = &setting,
                                            .n_opened = n,
                                            .n_encoded = ROOM_BYTES,
                                            .write = look,
                                            .context = &used};
        int r;

        assert_non_null(data);
        for (size_t i = 0; i < n; i += 16)
                data[i] = (uint8_t)((i * i) >> 16);
        if (!swb_encoder_is_present(&setting))
                return;
        used.before = in_use();
        r = swb_encoder_new(&job, &encoder);
        for (size_t done = 0; done < n && r >= 0; done += STEP_BYTES) {
                r = swb_encoder_put(encoder, data + done, SWB_MIN(STEP_BYTES, n - done));
                (void)look(&used, NULL, 0);
        }
        assert_int_equal(r, 0);
        r = swb_encoder_finish(encoder);
        assert_true(r == 0 || r == -EBADMSG); /* not as long as was said */
        if (used.most > swb_encoder_memory(&setting, n, ROOM_BYTES) + ALLOCATOR_BYTES)
                fail_msg("%s with %u %u %u, %zu bytes: %zu in use, %llu said",
                         swb_encoder_to_string(setting.encoder), setting.parameters[1],
                         setting.parameters[2], setting.parameters[3], n, used.most,
                         (unsigned long long)swb_encoder_memory(&setting, n, ROOM_BYTES));
}

static void test_zstd(void **state)
{
        static const uint32_t levels[] = {1, 3, 6, 9, 13};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                for (uint32_t flags = 0; flags < 16; flags += 2) {
                        const struct swb_setting setting = {
                                SWB_PACKING_ZSTD,
                                SWB_ENCODER_ZSTD,
                                {ZSTD_versionNumber(), levels[i], flags, 0}};

                        check(setting, (size_t)60 << 10);
                        check(setting, (size_t)700 << 10);
                }
}

static void test_others(void **state)
{
        static const struct swb_setting settings[] = {
                {SWB_PACKING_LZ4, SWB_ENCODER_LZ4, {1}},
                {SWB_PACKING_LZ4, SWB_ENCODER_LZ4_HC, {9}},
                {SWB_PACKING_DEFLATE, SWB_ENCODER_ZLIB, {9, 15, 9, 0}},
                {SWB_PACKING_DEFLATE, SWB_ENCODER_GZIP, {6}},
                {SWB_PACKING_DEFLATE, SWB_ENCODER_PIGZ, {9, 128, 0}},
                {SWB_PACKING_XZ, SWB_ENCODER_XZ, {6, 1 << 20, 4, 0, 0}},
                {SWB_PACKING_XZ, SWB_ENCODER_XZ, {0, 1 << 18, 1, 0, 1}},
                {SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {9}},
                {SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {6, 1 << 20}},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(settings); i++)
                check(settings[i], (size_t)700 << 10);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zstd),
                cmocka_unit_test(test_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
