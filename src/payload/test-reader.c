/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/reader.h"

#include "base/endian.h"
#include "base/test.h"
#include "payload/test_payload.h"

static struct swb_payload_reader *new_reader(void)
{
        struct swb_payload_reader *reader = NULL;
        struct swb_error err;

        assert_ok(swb_payload_reader_new(&reader, &err), &err);
        return reader;
}

static void log_operation(struct swb_payload_reader *reader, struct swb_buf *log)
{
        const struct swb_operation *op;
        const uint8_t *blob;
        size_t partition, number;
        uint32_t sum = 0;

        op = swb_payload_reader_operation(reader, &partition, &number, &blob);
        assert_true((blob != NULL) == (op->data_length > 0));
        for (size_t i = 0; i < op->data_length; i++)
                sum = sum * 31 + blob[i];
        assert_int_equal(swb_buf_printf(log, "%zu: %zu %s %ju+%ju sum %u src", number, partition,
                                        swb_op_to_string(op->type), (uintmax_t)op->data_offset,
                                        (uintmax_t)op->data_length, sum),
                         0);
        for (size_t i = 0; i < op->n_src; i++)
                assert_int_equal(swb_buf_printf(log, " %jx+%ju", (uintmax_t)op->src[i].start_block,
                                                (uintmax_t)op->src[i].n_blocks),
                                 0);
        for (size_t i = 0; i < op->n_dst; i++)
                assert_int_equal(swb_buf_printf(log, " > %ju+%ju",
                                                (uintmax_t)op->dst[i].start_block,
                                                (uintmax_t)op->dst[i].n_blocks),
                                 0);
        assert_int_equal(swb_buf_append_str(log, "\n"), 0);
}

static void log_signatures(struct swb_payload_reader *reader, bool metadata, struct swb_buf *log)
{
        struct swb_signature signatures[2];
        struct swb_error err;
        size_t n;

        if (metadata)
                assert_ok(swb_payload_reader_metadata_signatures(reader, signatures, 2, &n, &err),
                          &err);
        else
                assert_ok(swb_payload_reader_signatures(reader, signatures, 2, &n, &err), &err);
        assert_int_equal(n, 1);
        assert_int_equal(swb_buf_printf(log, "signature %zu %02x\n", signatures[0].n_bytes,
                                        signatures[0].data[0]),
                         0);
}

static void handle(struct swb_payload_reader *reader, int event, struct swb_buf *log)
{
        struct swb_error err;

        switch (event) {
        case SWB_PAYLOAD_METADATA:
                log_signatures(reader, true, log);
                assert_ok(swb_payload_reader_accept(reader, &err), &err);
                return;
        case SWB_PAYLOAD_OPERATION:
                log_operation(reader, log);
                return;
        case SWB_PAYLOAD_SIGNATURES:
                log_signatures(reader, false, log);
                return;
        default:
                return;
        }
}

/* Feeds in pieces of 1 to max_piece bytes until the end, or until the bytes are used up. */
static int feed_all(struct swb_payload_reader *reader, const uint8_t *data, size_t n,
                    size_t max_piece, struct swb_buf *log)
{
        struct swb_error err;
        uint32_t x = (uint32_t)max_piece;
        int event = SWB_PAYLOAD_MORE;
        size_t used;

        while (event != SWB_PAYLOAD_END && (n > 0 || event != SWB_PAYLOAD_MORE)) {
                size_t piece;

                x = x * 1664525 + 1013904223;
                piece = SWB_MIN(1 + (x >> 8) % max_piece, n);
                event = swb_payload_reader_feed(reader, data, piece, &used, &err);
                if (event < 0)
                        fail_msg("feed: %s", err.text);
                assert_true(used <= piece && (used > 0 || event != SWB_PAYLOAD_MORE || n == 0));
                data += used;
                n -= used;
                handle(reader, event, log);
        }
        assert_int_equal(n, 0);
        return event;
}

static void read_whole(const struct swb_buf *file, size_t max_piece, struct swb_buf *log)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        size_t used;
        struct swb_error err;

        assert_int_equal(feed_all(reader, file->data, file->n_bytes, max_piece, log),
                         SWB_PAYLOAD_END);
        assert_int_equal(swb_payload_reader_offset(reader), file->n_bytes);
        assert_int_equal(swb_payload_reader_feed(reader, NULL, 0, &used, &err), SWB_PAYLOAD_END);
}

static void test_events(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000), file = {0};
        struct test_payload *p = malloc(sizeof(*p));

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        read_whole(&file, SIZE_MAX, &log);
        assert_string_equal((char *)log.data,
                            "signature 61 51\n"
                            "0: 0 SOURCE_COPY 0+0 sum 0 src 3+2 ffffffffffffffff+1 > 0+3\n"
                            "1: 0 REPLACE 0+8192 sum 3339718656 src > 3+2\n"
                            "2: 0 SOURCE_BSDIFF 8192+300 sum 3286429086 src a+5 > 5+6\n"
                            "3: 0 REPLACE_BZ 8492+1000 sum 3062890340 src > 11+1 > 14+2\n"
                            "4: 0 ZERO 0+0 sum 0 src > 12+2\n"
                            "5: 1 REPLACE_XZ 9492+1 sum 4 src > 0+2\n"
                            "signature 61 51\n");
        free(p);
}

/* What a device stores, to go on without the payload's start: fed again, it is METADATA again. */
static void test_metadata_again(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *again = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000), file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        const uint8_t *metadata;
        struct swb_error err;
        size_t n, used;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        assert_int_equal(swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        metadata = swb_payload_reader_metadata(reader, &n);
        assert_true(n < used && used == swb_payload_reader_blobs_start(reader));
        assert_memory_equal(metadata, file.data, used);
        assert_int_equal(swb_payload_reader_feed(again, metadata, used, &n, &err),
                         SWB_PAYLOAD_METADATA);
        assert_int_equal(n, used);
        handle(again, SWB_PAYLOAD_METADATA, &log);
        free(p);
}

static void test_pieces(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf want = SWB_BUF_INIT(10000), file = {0};
        struct test_payload *p = malloc(sizeof(*p));

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        read_whole(&file, SIZE_MAX, &want);
        for (size_t max_piece = 1; max_piece < 20000; max_piece = max_piece * 3 / 2 + 1) {
                _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000);

                read_whole(&file, max_piece, &log);
                assert_string_equal((char *)log.data, (char *)want.data);
        }
        free(p);
}

static void test_unsigned(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf file = SWB_BUF_INIT(100000);
        struct test_payload *p = malloc(sizeof(*p));
        const struct swb_operation *const operations[] = {p->root, p->boot};
        struct swb_signature signature;
        struct swb_error err;
        size_t used, n = 1;

        (void)state;
        test_payload_init_full(p);
        p->manifest.signatures_offset = 0;
        assert_ok(swb_manifest_write(&p->manifest, operations, 0, &file, &err), &err);
        assert_int_equal(swb_buf_append(&file, p->blobs, p->n_blobs), 0);
        assert_int_equal(swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_int_equal(used, swb_payload_reader_blobs_start(reader));
        assert_ok(swb_payload_reader_metadata_signatures(reader, &signature, 1, &n, &err), &err);
        assert_int_equal(n, 0);
        assert_null(swb_payload_reader_manifest(reader));
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        assert_non_null(swb_payload_reader_manifest(reader));
        for (size_t i = 0; i < 2; i++) {
                size_t more;

                assert_int_equal(swb_payload_reader_feed(reader, file.data + used,
                                                         file.n_bytes - used, &more, &err),
                                 SWB_PAYLOAD_OPERATION);
                used += more;
        }
        assert_int_equal(used, file.n_bytes);
        assert_int_equal(swb_payload_reader_feed(reader, NULL, 0, &used, &err), SWB_PAYLOAD_END);
        free(p);
}

/* From every operation on, the rest is as if it had been read from the start. */
static void test_seek(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf want = SWB_BUF_INIT(10000), file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        const char *rest;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        read_whole(&file, SIZE_MAX, &want);
        rest = (char *)want.data;
        for (size_t from = 0; from <= TEST_OPS; from++) {
                _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader =
                        new_reader();
                _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000);
                struct swb_error err;
                uint64_t offset;
                size_t used;

                assert_int_equal(
                        swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                        SWB_PAYLOAD_METADATA);
                assert_ok(swb_payload_reader_accept(reader, &err), &err);
                assert_ok(swb_payload_reader_seek(reader, from, &err), &err);
                offset = swb_payload_reader_offset(reader);
                assert_int_equal(
                        feed_all(reader, file.data + offset, file.n_bytes - offset, 999, &log),
                        SWB_PAYLOAD_END);
                rest = strchr(rest, '\n') + 1;
                assert_string_equal((char *)log.data, rest);
        }
        free(p);
}

static void test_seek_too_far(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        struct swb_error err;
        size_t used;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        assert_int_equal(swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        assert_fault(swb_payload_reader_seek(reader, TEST_OPS + 1, &err), &err, SWB_FAULT_FORMAT);
        free(p);
}

static void test_peek(void **state)
{
        static const size_t order[] = {0, 1, 2, 5, 5, 3, 0, 4};
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        const struct swb_operation *op;
        size_t used, partition;
        struct swb_error err;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        assert_int_equal(swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        for (size_t i = 0; i < SWB_ELEMENTS(order); i++) {
                assert_int_equal(swb_payload_reader_peek(reader, order[i], &op, &partition, &err),
                                 1);
                assert_int_equal(partition, order[i] == 5);
                assert_int_equal(op->type,
                                 order[i] == 5 ? p->boot[0].type : p->root[order[i]].type);
        }
        assert_int_equal(swb_payload_reader_peek(reader, TEST_OPS, &op, &partition, &err), 0);
        assert_int_equal(swb_payload_reader_peek(reader, TEST_OPS + 9, &op, &partition, &err), 0);
        assert_int_equal(swb_payload_reader_peek(reader, 0, &op, &partition, &err), 1);
        free(p);
}

/* However far it came, a cut payload never looks complete. */
static void test_cut(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        struct test_payload *p = malloc(sizeof(*p));

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        for (size_t n = 0; n < file.n_bytes; n += n < 1000 ? 1 : 97) {
                _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader =
                        new_reader();
                _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000);

                assert_int_equal(feed_all(reader, file.data, n, SIZE_MAX, &log), SWB_PAYLOAD_MORE);
        }
        free(p);
}

static void test_trailing(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf log = SWB_BUF_INIT(10000), file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        struct swb_error err;
        size_t used;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        assert_int_equal(feed_all(reader, file.data, file.n_bytes, SIZE_MAX, &log),
                         SWB_PAYLOAD_END);
        assert_fault(swb_payload_reader_feed(reader, file.data, 1, &used, &err), &err,
                     SWB_FAULT_FORMAT);
        assert_non_null(strstr(err.text, "more bytes follow"));
        free(p);
}

static void test_bad_header(void **state)
{
        static const struct {
                size_t at;
                uint8_t value;
                enum swb_fault fault;
        } cases[] = {
                {0, 'c', SWB_FAULT_FORMAT},    {11, 1, SWB_FAULT_UNSUPPORTED},
                {4, 1, SWB_FAULT_UNSUPPORTED}, {12, 0x80, SWB_FAULT_LIMIT},
                {16, 2, SWB_FAULT_LIMIT},      {20, 1, SWB_FAULT_LIMIT},
        };
        uint8_t header[24] = SWB_PAYLOAD_MAGIC;
        struct swb_error err;
        size_t used;

        (void)state;
        swb_put_be64(header + 4, 2);
        swb_put_be64(header + 12, 100);
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader =
                        new_reader();
                uint8_t good = header[cases[i].at];

                header[cases[i].at] = cases[i].value;
                assert_fault(swb_payload_reader_feed(reader, header, sizeof(header), &used, &err),
                             &err, cases[i].fault);
                assert_fault(swb_payload_reader_feed(reader, header, 1, &used, &err), &err,
                             cases[i].fault);
                assert_fault(swb_payload_reader_accept(reader, &err), &err, cases[i].fault);
                header[cases[i].at] = good;
        }
}

static void test_misuse(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *one = new_reader();
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *two = new_reader();
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        struct test_payload *p = malloc(sizeof(*p));
        struct swb_error err;
        size_t used;

        (void)state;
        assert_fault(swb_payload_reader_accept(one, &err), &err, SWB_FAULT_INTERNAL);
        test_payload_init(p, 4);
        file = test_payload_write(p);
        assert_int_equal(swb_payload_reader_feed(two, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_fault(swb_payload_reader_feed(two, file.data, 1, &used, &err), &err,
                     SWB_FAULT_INTERNAL);
        free(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events),   cmocka_unit_test(test_metadata_again),
                cmocka_unit_test(test_pieces),   cmocka_unit_test(test_unsigned),
                cmocka_unit_test(test_seek),     cmocka_unit_test(test_seek_too_far),
                cmocka_unit_test(test_peek),     cmocka_unit_test(test_cut),
                cmocka_unit_test(test_trailing), cmocka_unit_test(test_bad_header),
                cmocka_unit_test(test_misuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
