/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/search.h"

#include <sys/mman.h>

#include "base/test.h"
#include "os/hash.h"

static int count(void *context, uint64_t n_bytes, struct swb_error *err)
{
        (void)err;
        *(uint64_t *)context += n_bytes;
        return 0;
}

/* A file whose blocks are filled with these characters each; '0' is a block of zeros. */
static struct swb_extent_file make_file(const char *blocks)
{
        int fd = memfd_create("blocks", MFD_CLOEXEC);
        uint8_t data[SWB_BLOCK_BYTES];

        for (const char *p = blocks; *p; p++) {
                memset(data, *p == '0' ? 0 : *p, sizeof(data));
                assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
        }
        return (struct swb_extent_file){fd, "blocks", strlen(blocks) * SWB_BLOCK_BYTES};
}

static void want(struct swb_search *search, const char *blocks)
{
        uint8_t data[SWB_BLOCK_BYTES], digest[SWB_SHA256_BYTES];

        for (size_t i = 0; blocks[i]; i++) {
                if (blocks[i] == '0')
                        continue;
                memset(data, blocks[i], sizeof(data));
                swb_sha256(data, sizeof(data), digest);
                swb_search_want(search, i, digest);
                swb_search_want(search, i, digest);
        }
}

static void look(struct swb_search *search, const char *blocks, bool is_target)
{
        uint8_t *buffer = malloc(SWB_IO_BYTES);
        struct swb_extent_file file = make_file(blocks);
        uint64_t n_done = 0;
        const struct swb_step step = {count, &n_done};
        struct swb_error err;

        assert_ok(swb_search_file(search, &file, is_target, &step, buffer, &err), &err);
        assert_true(n_done <= file.n_bytes);
        (void)close(file.fd);
        free(buffer);
}

static void test_places(void **state)
{
        struct swb_search s;
        struct swb_error err;

        (void)state;
        assert_ok(swb_search_init(&s, 7 * SWB_BLOCK_BYTES - 1, &err), &err);
        want(&s, "abac0de");
        assert_int_equal(s.n_missing, 6);
        look(&s, "abXX", true);
        assert_int_equal(s.n_missing, 4);
        look(&s, "0cacYa", false);
        assert_int_equal(s.n_missing, 2);
        look(&s, "cad", false);
        assert_int_equal(s.n_missing, 1);
        assert_int_equal(s.where[0], SWB_SEARCH_HERE);
        assert_int_equal(s.where[1], SWB_SEARCH_HERE);
        assert_int_equal(s.where[2], 2); /* where it was found first */
        assert_int_equal(s.where[3], 1);
        assert_int_equal(s.where[4], SWB_SEARCH_NOWHERE);
        assert_int_equal(s.where[5], 2);
        assert_int_equal(s.where[6], SWB_SEARCH_NOWHERE);
        swb_search_over(&s);
        assert_int_equal(s.where[5], 2);
        swb_search_done(&s);
}

/* What stands elsewhere in the target is no source. */
static void test_target_only_in_place(void **state)
{
        struct swb_search s;
        struct swb_error err;

        (void)state;
        assert_ok(swb_search_init(&s, 3 * SWB_BLOCK_BYTES, &err), &err);
        want(&s, "abc");
        look(&s, "bcaabc", true);
        assert_int_equal(s.n_missing, 3);
        swb_search_done(&s);
}

static void test_too_large(void **state)
{
        struct swb_search s;
        struct swb_error err;

        (void)state;
        assert_fault(swb_search_init(&s, ((uint64_t)4 << 30) + 1, &err), &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_target_only_in_place),
                cmocka_unit_test(test_too_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
