/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"
#include "codec/bsdiff.h"
#include "device/install/apply.h"
#include "os/file.h"

#define BLOCK SWB_BLOCK_BYTES
#define TARGET_BLOCKS 600u
#define SOURCE_BLOCKS 400u

/* Out of order, with a gap, one longer than the write buffer: 5 + 300 + 1 + 7 = 313 blocks. */
static struct swb_extent dst[] = {{40, 5}, {100, 300}, {0, 1}, {590, 7}};
#define DST_BLOCKS 313u
static struct swb_extent src[] = {{399, 1}, {0, 310}, {320, 2}};
#define SRC_BLOCKS 313u

struct fixture {
        uint64_t written; /* as the steps tell */
        struct swb_slot slot;
        struct swb_apply apply;
        uint8_t *target;   /* what the target should hold */
        uint8_t *source;   /* what the source holds */
        uint8_t *content;  /* DST_BLOCKS of new data */
        uint8_t *gathered; /* the source extents' bytes */
};

/* Compressible, never the same for two seeds. */
static void fill(uint8_t *data, size_t n, uint32_t seed)
{
        for (size_t i = 0; i < n; i++) {
                if (i % 64 == 0)
                        seed = seed * 1664525u + 1013904223u;
                data[i] = (uint8_t)(seed >> 24) ^ (uint8_t)(i % 16);
        }
}

static int open_temporary(void)
{
        char path[] = "/tmp/swb-test-apply-XXXXXX";
        int fd = mkstemp(path);

        if (fd >= 0)
                (void)unlink(path);
        return fd;
}

static void gather(struct fixture *f)
{
        uint8_t *out = f->gathered;

        for (size_t i = 0; i < SWB_ELEMENTS(src); i++) {
                memcpy(out, f->source + src[i].start_block * BLOCK, src[i].n_blocks * BLOCK);
                out += src[i].n_blocks * BLOCK;
        }
}

/* Writes `data` over dst in the model. */
static void scatter(struct fixture *f, const uint8_t *data)
{
        for (size_t i = 0; i < SWB_ELEMENTS(dst); i++) {
                memcpy(f->target + dst[i].start_block * BLOCK, data, dst[i].n_blocks * BLOCK);
                data += dst[i].n_blocks * BLOCK;
        }
}

static int on_written(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct fixture *f = context;

        (void)err;
        assert_true(n_bytes > 0);
        f->written += n_bytes;
        return 0;
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f || swb_apply_init(&f->apply, (struct swb_step){on_written, f}, NULL) < 0)
                return -1;
        f->target = malloc(TARGET_BLOCKS * BLOCK);
        f->source = malloc(SOURCE_BLOCKS * BLOCK);
        f->content = malloc(DST_BLOCKS * BLOCK);
        f->gathered = malloc(SRC_BLOCKS * BLOCK);
        if (!f->target || !f->source || !f->content || !f->gathered)
                return -1;
        fill(f->target, TARGET_BLOCKS * BLOCK, 1);
        fill(f->source, SOURCE_BLOCKS * BLOCK, 2);
        fill(f->content, DST_BLOCKS * BLOCK, 3);
        gather(f);
        f->slot = (struct swb_slot){.partition = "root",
                                    .target = "target",
                                    .source = "source",
                                    .fd = open_temporary(),
                                    .source_fd = open_temporary(),
                                    .new_bytes = TARGET_BLOCKS * BLOCK,
                                    .old_bytes = SOURCE_BLOCKS * BLOCK,
                                    .direct_fd = -EBADF};
        *state = f;
        if (swb_pwrite(f->slot.fd, "target", f->target, TARGET_BLOCKS * BLOCK, 0, NULL) < 0)
                return -1;
        return swb_pwrite(f->slot.source_fd, "source", f->source, SOURCE_BLOCKS * BLOCK, 0, NULL);
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        swb_close(f->slot.fd);
        swb_close(f->slot.source_fd);
        swb_apply_done(&f->apply);
        free(f->target);
        free(f->source);
        free(f->content);
        free(f->gathered);
        free(f);
        return 0;
}

static struct swb_operation make_operation(uint32_t type, size_t n_data)
{
        return (struct swb_operation){
                .type = type, .data_length = n_data, .dst = dst, .n_dst = SWB_ELEMENTS(dst)};
}

static void add_source(struct fixture *f, struct swb_operation *operation)
{
        operation->src = src;
        operation->n_src = SWB_ELEMENTS(src);
        operation->has_src_hash = true;
        swb_sha256(f->gathered, SRC_BLOCKS * BLOCK, operation->src_hash);
}

/* Target and source hold what they should, to the last byte, and have kept their sizes. */
static void assert_content(const struct fixture *f)
{
        _cleanup_free_ uint8_t *got = malloc(TARGET_BLOCKS * BLOCK);
        struct swb_error err = SWB_ERROR_INIT;
        uint64_t n;

        assert_non_null(got);
        assert_ok(swb_fd_size(f->slot.fd, "target", &n, &err), &err);
        assert_int_equal(n, TARGET_BLOCKS * BLOCK);
        assert_ok(swb_pread(f->slot.fd, "target", got, n, 0, &err), &err);
        assert_memory_equal(got, f->target, n);
        assert_ok(swb_fd_size(f->slot.source_fd, "source", &n, &err), &err);
        assert_int_equal(n, SOURCE_BLOCKS * BLOCK);
        assert_ok(swb_pread(f->slot.source_fd, "source", got, n, 0, &err), &err);
        assert_memory_equal(got, f->source, n);
}

static void test_replace(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_REPLACE, DST_BLOCKS * BLOCK);
        struct swb_error err = SWB_ERROR_INIT;

        scatter(f, f->content);
        assert_ok(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err);
        assert_content(f);
        assert_true(f->slot.dirty);
        assert_int_equal(f->written, DST_BLOCKS * BLOCK);
}

/* Less than a block may be missing at the end, and becomes zeros. */
static void test_padding(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_REPLACE, DST_BLOCKS * BLOCK - 4000);
        struct swb_error err = SWB_ERROR_INIT;

        memset(f->content + DST_BLOCKS * BLOCK - 4000, 0, 4000);
        scatter(f, f->content);
        assert_ok(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err);
        assert_content(f);
        operation.data_length = (DST_BLOCKS - 1) * BLOCK;
        assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err,
                     SWB_FAULT_FORMAT);
        operation.data_length = DST_BLOCKS * BLOCK + 1;
        assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err,
                     SWB_FAULT_FORMAT);
}

/* Images need not be of whole blocks: what lies behind them is neither read nor written. */
static void test_begun_block(void **state)
{
        struct swb_extent last_source = {SOURCE_BLOCKS - 1, 1}, last = {TARGET_BLOCKS - 1, 1};
        struct swb_operation operation = {.type = SWB_OP_SOURCE_COPY,
                                          .src = &last_source,
                                          .n_src = 1,
                                          .dst = &last,
                                          .n_dst = 1,
                                          .has_src_hash = true};
        struct fixture *f = *state;
        uint8_t *block = f->target + (size_t)(TARGET_BLOCKS - 1) * BLOCK;
        struct swb_error err = SWB_ERROR_INIT;

        f->slot.old_bytes -= 1000;
        f->slot.new_bytes -= 500;
        memcpy(block, f->source + (size_t)(SOURCE_BLOCKS - 1) * BLOCK, BLOCK - 1000);
        memset(block + BLOCK - 1000, 0, 1000);
        swb_sha256(block, BLOCK, operation.src_hash);
        fill(block + BLOCK - 500, 500, 77); /* somebody else's */
        assert_ok(swb_pwrite(f->slot.fd, "target", block, BLOCK,
                             (uint64_t)(TARGET_BLOCKS - 1) * BLOCK, &err),
                  &err);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        f->apply.plain_zeros = true;
        operation = (struct swb_operation){.type = SWB_OP_ZERO, .dst = &last, .n_dst = 1};
        memset(block, 0, BLOCK - 500);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
}

static const struct {
        uint32_t type;
        enum swb_codec codec;
} compressed[] = {
        {SWB_OP_REPLACE_BZ, SWB_CODEC_BZ2},
        {SWB_OP_REPLACE_XZ, SWB_CODEC_XZ},
        {SWB_OP_REPLACE_ZSTD, SWB_CODEC_ZSTD},
};

static void encode(enum swb_codec codec, const uint8_t *data, size_t n, struct swb_buf *buf)
{
        swb_buf_reset(buf);
        assert_int_equal(swb_encode(codec, 1, data, n, buf), 0);
}

static void test_compressed(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(16 << 20);
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        for (size_t i = 0; i < SWB_ELEMENTS(compressed); i++) {
                struct swb_operation operation;

                fill(f->content, DST_BLOCKS * BLOCK, 10 + (uint32_t)i);
                scatter(f, f->content);
                encode(compressed[i].codec, f->content, DST_BLOCKS * BLOCK, &buf);
                operation = make_operation(compressed[i].type, buf.n_bytes);
                assert_ok(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                          &err);
                assert_content(f);
        }
}

static void test_compressed_wrong(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(16 << 20);
        _cleanup_free_ uint8_t *more = calloc(DST_BLOCKS + 1, BLOCK);
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        for (size_t i = 0; i < SWB_ELEMENTS(compressed); i++) {
                const uint32_t type = compressed[i].type;
                struct swb_operation operation;

                /* a byte too much, a byte too little */
                encode(compressed[i].codec, more, DST_BLOCKS * BLOCK + 1, &buf);
                operation = make_operation(type, buf.n_bytes);
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                encode(compressed[i].codec, more, DST_BLOCKS * BLOCK - 1, &buf);
                operation = make_operation(type, buf.n_bytes);
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                /* cut, followed by more, damaged, empty */
                encode(compressed[i].codec, f->content, DST_BLOCKS * BLOCK, &buf);
                operation = make_operation(type, buf.n_bytes - 1);
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                assert_int_equal(swb_buf_append(&buf, "x", 1), 0);
                operation = make_operation(type, buf.n_bytes);
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                buf.data[0] ^= 0xff;
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                operation = make_operation(type, 0);
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
        }
}

static void test_zero(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_ZERO, 0);
        struct swb_error err = SWB_ERROR_INIT;
        struct stat st;

        memset(f->content, 0, DST_BLOCKS * BLOCK);
        scatter(f, f->content);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        assert_int_equal(fstat(f->slot.fd, &st), 0);
        assert_true(st.st_blocks < 600 * 8); /* holes */
        assert_int_equal(f->written, DST_BLOCKS * BLOCK);
        fill(f->content, DST_BLOCKS * BLOCK, 5);
        assert_int_equal(swb_pwrite(f->slot.fd, "target", f->content, 4096, 40 * BLOCK, &err), 0);
        operation.type = SWB_OP_DISCARD;
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        f->apply.plain_zeros = true;
        assert_int_equal(swb_pwrite(f->slot.fd, "target", f->content, 4096, 40 * BLOCK, &err), 0);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        assert_int_equal(fstat(f->slot.fd, &st), 0);
        assert_true(st.st_blocks >= 600 * 8); /* written */
}

static void test_copy(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_SOURCE_COPY, 0);
        struct swb_error err = SWB_ERROR_INIT;

        add_source(f, &operation);
        scatter(f, f->gathered);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        operation.has_src_hash = false;
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        operation.has_src_hash = true;
        operation.src_hash[31] ^= 1;
        assert_fault(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err,
                     SWB_FAULT_SOURCE);
        operation.n_src--;
        assert_fault(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err,
                     SWB_FAULT_FORMAT);
}

/* Holes: zeros to read, nowhere to write to. */
static void test_holes(void **state)
{
        struct swb_extent from[] = {{10, 1}, {SWB_SPARSE_HOLE, 2}, {11, 1}};
        struct swb_extent to[] = {{3, 1}, {7, 1}, {SWB_SPARSE_HOLE, 1}, {5, 1}};
        struct swb_operation operation = {.type = SWB_OP_SOURCE_COPY,
                                          .src = from,
                                          .n_src = SWB_ELEMENTS(from),
                                          .dst = to,
                                          .n_dst = SWB_ELEMENTS(to)};
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        memcpy(f->target + (size_t)3 * BLOCK, f->source + (size_t)10 * BLOCK, BLOCK);
        memset(f->target + (size_t)7 * BLOCK, 0, BLOCK);
        memcpy(f->target + (size_t)5 * BLOCK, f->source + (size_t)11 * BLOCK, BLOCK);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
        operation.type = SWB_OP_ZERO;
        for (size_t i = 3; i <= 7; i += 2)
                memset(f->target + i * BLOCK, 0, BLOCK);
        assert_ok(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err);
        assert_content(f);
}

static void test_patch(void **state)
{
        static const struct {
                uint32_t type;
                enum swb_bsdiff_format format;
        } patches[] = {{SWB_OP_SOURCE_BSDIFF, SWB_BSDIFF40}, {SWB_OP_BROTLI_BSDIFF, SWB_BSDF2}};
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        for (size_t i = 0; i < SWB_ELEMENTS(patches); i++) {
                _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(16 << 20);
                struct swb_operation operation;

                /* The new data: the source, moved a little, with changes. */
                memcpy(f->content, f->gathered + 1000, DST_BLOCKS * BLOCK - 1000);
                for (size_t k = 0; k < DST_BLOCKS; k += 20)
                        f->content[k * BLOCK] ^= (uint8_t)(i + 1);
                assert_int_equal(swb_bsdiff(f->gathered, SRC_BLOCKS * BLOCK, f->content,
                                            DST_BLOCKS * BLOCK, patches[i].format, &buf),
                                 0);
                operation = make_operation(patches[i].type, buf.n_bytes);
                add_source(f, &operation);
                scatter(f, f->content);
                assert_ok(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                          &err);
                assert_content(f);
                operation.data_length--;
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
                operation.data_length++;
                operation.src_hash[0] ^= 1;
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_SOURCE);
                operation.src_hash[0] ^= 1;
                operation.n_src = 1; /* reads outside the source */
                operation.has_src_hash = false;
                assert_fault(swb_apply_operation(&f->apply, &operation, buf.data, &f->slot, &err),
                             &err, SWB_FAULT_FORMAT);
        }
}

static void test_short_source(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_SOURCE_COPY, 0);
        struct swb_error err = SWB_ERROR_INIT;

        add_source(f, &operation);
        assert_int_equal(ftruncate(f->slot.source_fd, 200 * BLOCK), 0);
        assert_fault(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err,
                     SWB_FAULT_IO);
        f->slot.source_fd = swb_close(f->slot.source_fd);
        assert_fault(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err,
                     SWB_FAULT_SOURCE);
}

static int on_written_cancel(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct fixture *f = context;

        f->written += n_bytes;
        return f->written < 100 * BLOCK ? 0
                                        : swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "enough");
}

/* Also in the middle of an operation. */
static void test_cancelled(void **state)
{
        static const uint32_t types[] = {SWB_OP_REPLACE, SWB_OP_ZERO, SWB_OP_SOURCE_COPY};
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        f->apply.step.done = on_written_cancel;
        for (size_t i = 0; i < SWB_ELEMENTS(types); i++) {
                struct swb_operation operation = make_operation(types[i], 0);

                f->written = 0;
                if (types[i] == SWB_OP_REPLACE)
                        operation.data_length = DST_BLOCKS * BLOCK;
                else if (types[i] == SWB_OP_SOURCE_COPY)
                        add_source(f, &operation);
                assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err),
                             &err, SWB_FAULT_CANCELLED);
        }
}

static void test_unwritable(void **state)
{
        struct fixture *f = *state;
        struct swb_operation operation = make_operation(SWB_OP_REPLACE, DST_BLOCKS * BLOCK);
        struct swb_error err = SWB_ERROR_INIT;

        f->slot.fd = swb_close(f->slot.fd);
        f->slot.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
        assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err,
                     SWB_FAULT_NO_SPACE);
        operation = make_operation(SWB_OP_ZERO, 0);
        assert_fault(swb_apply_operation(&f->apply, &operation, NULL, &f->slot, &err), &err,
                     SWB_FAULT_NO_SPACE);
        operation = make_operation(SWB_OP_ZUCCHINI, 1);
        assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err,
                     SWB_FAULT_UNSUPPORTED);
        operation = make_operation(4711, 1);
        assert_fault(swb_apply_operation(&f->apply, &operation, f->content, &f->slot, &err), &err,
                     SWB_FAULT_UNSUPPORTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
                cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_block, setup, teardown),
                cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_compressed_wrong, setup, teardown),
                cmocka_unit_test_setup_teardown(test_zero, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_holes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_patch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_short_source, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unwritable, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
