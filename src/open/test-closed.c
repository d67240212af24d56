/* SPDX-License-Identifier: Apache-2.0 */
#include "open/closed.h"

#include <string.h>
#include <zlib.h>

#include "base/test.h"
#include "open/find.h"

#define N_BYTES ((size_t)64 << 10)

/* Lines of text that are not all alike. */
static void make_text(uint8_t *text, size_t n)
{
        uint32_t state = 7;

        memset(text, '\n', n);
        for (size_t done = 0; done + 64 < n;) {
                state = state * 1664525u + 1013904223u;
                done += (size_t)snprintf((char *)text + done, 64, "%u of %u\n", state >> 28,
                                         state >> 19);
        }
}

/* As no gzip makes it: flushed in the middle when `flushed`. */
static void gzip(const uint8_t *data, size_t n, bool flushed, struct swb_buf *ret)
{
        _cleanup_free_ uint8_t *room = malloc(n + 4096);
        z_stream z = {0};

        assert_non_null(room);
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_out = room;
        z.avail_out = (uInt)n + 4096;
        z.next_in = (uint8_t *)(uintptr_t)data;
        z.avail_in = (uInt)n / 2;
        assert_int_equal(deflate(&z, flushed ? Z_SYNC_FLUSH : Z_NO_FLUSH), Z_OK);
        z.avail_in += (uInt)(n - n / 2);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(swb_buf_append(ret, room, z.total_out), 0);
        assert_int_equal(deflateEnd(&z), Z_OK);
}

static struct swb_closed look(const struct swb_buf *content, struct swb_find_limits limits)
{
        _cleanup_(swb_found_done) struct swb_found found = {0};
        struct swb_closed closed = {0};

        limits.why_closed = &closed;
        assert_true(swb_recipe_find(content->data, content->n_bytes, SWB_FIND_NEW, &limits,
                                    &found) >= 0);
        return closed;
}

static void test_reasons(void **state)
{
        _cleanup_free_ uint8_t *text = malloc(N_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT(N_BYTES * 2);
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        struct swb_closed closed;

        (void)state;
        assert_non_null(text);
        make_text(text, N_BYTES);
        gzip(text, N_BYTES, true, &content);
        closed = look(&content, limits);
        assert_int_equal(closed.why, SWB_CLOSED_NOT); /* corrected */
        limits.encoders = "gzip pigz zlib";
        closed = look(&content, limits);
        assert_int_equal(closed.why, SWB_CLOSED_NO_ENCODER);
        assert_int_equal(closed.packing, SWB_PACKING_DEFLATE);
        assert_true(closed.n_encoded > content.n_bytes - 20 && closed.n_all == closed.n_encoded);
        limits.encoders = "xz";
        assert_int_equal(look(&content, limits).why, SWB_CLOSED_NOT_ALLOWED);
        limits.encoders = "gzip pigz zlib";
        limits.encoder_memory_bytes = 1000;
        closed = look(&content, limits);
        assert_int_equal(closed.why, SWB_CLOSED_ENCODER_MEMORY);
        assert_true(closed.memory_bytes > 1000 && closed.limit_bytes == 1000 + (1u << 20));
        limits = (struct swb_find_limits)SWB_FIND_LIMITS_INIT;
        limits.max_opened_bytes = N_BYTES - 1;
        assert_int_equal(look(&content, limits).why, SWB_CLOSED_TOO_LARGE);
}

/* Four streams in each other: the innermost stays closed. */
static void test_depth(void **state)
{
        _cleanup_free_ uint8_t *text = malloc(N_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT(N_BYTES * 2);

        (void)state;
        assert_non_null(text);
        make_text(text, N_BYTES);
        gzip(text, N_BYTES, false, &content);
        for (unsigned depth = 1; depth <= SWB_RECIPE_DEPTH_MAX + 1; depth++) {
                _cleanup_(swb_buf_done) struct swb_buf outer = SWB_BUF_INIT(N_BYTES * 2);
                bool is_too_deep = depth > SWB_RECIPE_DEPTH_MAX;

                assert_int_equal(look(&content, SWB_FIND_LIMITS_INIT).why,
                                 is_too_deep ? SWB_CLOSED_TOO_DEEP : SWB_CLOSED_NOT);
                gzip(content.data, content.n_bytes, false, &outer);
                swb_buf_reset(&content);
                assert_int_equal(swb_buf_append(&content, outer.data, outer.n_bytes), 0);
        }
}

static void assert_text(const struct swb_closed *closed, const char *want)
{
        char text[SWB_CLOSED_TEXT_MAX];

        swb_closed_text(closed, text);
        assert_string_equal(text, want);
}

static void test_texts(void **state)
{
        struct swb_closed closed = {.why = SWB_CLOSED_NO_ENCODER,
                                    .packing = SWB_PACKING_DEFLATE,
                                    .n_encoded = 10,
                                    .n_all = 10};

        (void)state;
        assert_text(&closed, "gzip: no encoder here makes it again bit for bit");
        swb_closed_add(&closed, &(struct swb_closed){.why = SWB_CLOSED_ENCODER_MEMORY,
                                                     .packing = SWB_PACKING_XZ,
                                                     .n_encoded = 20,
                                                     .memory_bytes = (94u << 20) - 1,
                                                     .limit_bytes = 24u << 20});
        swb_closed_add(&closed, &(struct swb_closed){.why = SWB_CLOSED_TOO_DEEP, .n_encoded = 5});
        assert_text(&closed, "xz: no encoder makes it again within 24 MiB, the usual one needs 94 "
                             "MiB (--open-memory)");
        assert_int_equal(closed.n_all, 35);
        for (int why = 0; why < _SWB_CLOSED_MAX; why++) {
                closed = (struct swb_closed){.why = (enum swb_closed_why)why};
                swb_closed_text(&closed, (char[SWB_CLOSED_TEXT_MAX]){0});
                assert_string_not_equal(swb_closed_why_to_string(closed.why), "invalid");
        }
        assert_string_equal(swb_closed_why_to_string(_SWB_CLOSED_MAX), "invalid");
        assert_string_equal(swb_closed_packing(_SWB_PACKING_MAX), "packed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reasons),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
