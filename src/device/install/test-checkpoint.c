/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/kv.h"
#include "base/test.h"
#include "base/text.h"
#include "device/install/checkpoint.h"
#include "os/file.h"

static const uint8_t METADATA[] = "header and manifest and signature";

static int make_dir(void **state)
{
        char *dir = strdup("/tmp/swb-test-checkpoint-XXXXXX");

        *state = dir;
        return dir && mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
        char *dir = *state;
        int r;

        r = swb_checkpoint_discard(dir, NULL);
        if (r >= 0)
                r = rmdir(dir);
        free(dir);
        return r;
}

static const char *path_of(const char *dir, const char *name, char *path)
{
        (void)snprintf(path, PATH_MAX, "%s/%s", dir, name);
        return path;
}

static struct swb_checkpoint make_checkpoint(void)
{
        struct swb_checkpoint c = {
                .payload_bytes = UINT64_MAX,
                .metadata_bytes = sizeof(METADATA),
                .operation = 17,
                .offset = 123456789012345,
                .complete = false,
                .plain_zeros = true,
        };
        struct swb_sha256 sha;

        memset(c.payload_hash, 0xa5, sizeof(c.payload_hash));
        memset(c.targets, 0x5a, sizeof(c.targets));
        swb_sha256(METADATA, sizeof(METADATA), c.metadata_hash);
        swb_sha256_init(&sha);
        swb_sha256_update(&sha, "some bytes", 10);
        swb_sha256_save(&sha, c.file_state);
        swb_sha256_update(&sha, "more", 4);
        swb_sha256_save(&sha, c.signed_state);
        return c;
}

static void assert_same(const struct swb_checkpoint *a, const struct swb_checkpoint *b)
{
        assert_memory_equal(a->payload_hash, b->payload_hash, sizeof(a->payload_hash));
        assert_true(a->payload_bytes == b->payload_bytes);
        assert_memory_equal(a->targets, b->targets, sizeof(a->targets));
        assert_true(a->metadata_bytes == b->metadata_bytes);
        assert_memory_equal(a->metadata_hash, b->metadata_hash, sizeof(a->metadata_hash));
        assert_true(a->operation == b->operation && a->offset == b->offset);
        assert_memory_equal(a->file_state, b->file_state, sizeof(a->file_state));
        assert_memory_equal(a->signed_state, b->signed_state, sizeof(a->signed_state));
        assert_true(a->complete == b->complete && a->plain_zeros == b->plain_zeros);
}

static void test_round_trip(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_checkpoint c = make_checkpoint(), loaded;
        struct swb_error err = SWB_ERROR_INIT;
        const char *dir = *state;

        assert_int_equal(swb_checkpoint_load(dir, &loaded, &err), 1);
        assert_ok(swb_checkpoint_save_metadata(dir, METADATA, sizeof(METADATA), &err), &err);
        assert_ok(swb_checkpoint_save(dir, &c, &err), &err);
        assert_int_equal(swb_checkpoint_load(dir, &loaded, &err), 0);
        assert_same(&c, &loaded);
        assert_ok(swb_checkpoint_load_metadata(dir, &loaded, &buf, &err), &err);
        assert_int_equal(buf.n_bytes, sizeof(METADATA));
        assert_memory_equal(buf.data, METADATA, sizeof(METADATA));
        c.complete = true;
        c.offset++;
        assert_ok(swb_checkpoint_save(dir, &c, &err), &err);
        assert_int_equal(swb_checkpoint_load(dir, &loaded, &err), 0);
        assert_same(&c, &loaded);
        assert_ok(swb_checkpoint_discard(dir, &err), &err);
        assert_int_equal(swb_checkpoint_load(dir, &loaded, &err), 1);
        assert_ok(swb_checkpoint_discard(dir, &err), &err);
}

/* No single wrong bit and no cut end may pass. */
static void test_damaged(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(10000);
        struct swb_checkpoint c = make_checkpoint(), loaded;
        struct swb_error err = SWB_ERROR_INIT;
        char path[PATH_MAX];
        FILE *file;

        assert_ok(swb_checkpoint_save(*state, &c, &err), &err);
        assert_ok(swb_read_file(path_of(*state, "checkpoint", path), &buf, &err), &err);
        file = fopen(path, "r+");
        assert_non_null(file);
        for (size_t i = 0; i < buf.n_bytes * 8; i++) {
                uint8_t byte = buf.data[i / 8] ^ (uint8_t)(1u << i % 8);

                assert_int_equal(fseek(file, (long)(i / 8), SEEK_SET), 0);
                assert_int_equal(fwrite(&byte, 1, 1, file), 1);
                assert_int_equal(fflush(file), 0);
                assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_FORMAT);
                assert_int_equal(fseek(file, (long)(i / 8), SEEK_SET), 0);
                assert_int_equal(fwrite(buf.data + i / 8, 1, 1, file), 1);
        }
        assert_int_equal(fflush(file), 0);
        assert_int_equal(swb_checkpoint_load(*state, &loaded, &err), 0);
        for (size_t n = buf.n_bytes; n-- > 0;) {
                assert_int_equal(ftruncate(fileno(file), (off_t)n), 0);
                assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_FORMAT);
        }
        assert_int_equal(fclose(file), 0);
}

static void write_lines(const char *dir, const char *lines)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(10000);
        struct swb_error err = SWB_ERROR_INIT;
        uint8_t digest[SWB_SHA256_BYTES];
        char path[PATH_MAX], hex[SWB_SHA256_HEX];

        swb_sha256(lines, strlen(lines), digest);
        swb_hex_encode(digest, sizeof(digest), hex);
        assert_int_equal(swb_buf_printf(&buf, "%sCHECK=%s\n", lines, hex), 0);
        assert_ok(swb_write_file_durable(path_of(dir, "checkpoint", path), buf.data, buf.n_bytes,
                                         0600, &err),
                  &err);
}

/* Whole, but not what this version writes. */
static void test_other_versions(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_checkpoint loaded;

        write_lines(*state, "FORMAT=0\nOFFSET=5\n");
        assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_UNSUPPORTED);
        write_lines(*state, "FORMAT=2\n");
        assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_UNSUPPORTED);
        write_lines(*state, "FORMAT=1\n");
        assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_FORMAT);
        write_lines(*state, "OFFSET=1\n");
        assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_FORMAT);
        write_lines(*state, "no equals sign\n");
        assert_fault(swb_checkpoint_load(*state, &loaded, &err), &err, SWB_FAULT_FORMAT);
}

static void test_foreign_metadata(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_checkpoint c = make_checkpoint();
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_checkpoint_save(*state, &c, &err), &err);
        assert_fault(swb_checkpoint_load_metadata(*state, &c, &buf, &err), &err,
                     SWB_FAULT_NOT_FOUND);
        assert_ok(swb_checkpoint_save_metadata(*state, METADATA, sizeof(METADATA) - 1, &err), &err);
        assert_fault(swb_checkpoint_load_metadata(*state, &c, &buf, &err), &err, SWB_FAULT_FORMAT);
        swb_buf_reset(&buf);
        buf.max_bytes = 8;
        assert_fault(swb_checkpoint_load_metadata(*state, &c, &buf, &err), &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_damaged, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_other_versions, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_foreign_metadata, make_dir, remove_dir),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
