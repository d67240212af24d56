/* SPDX-License-Identifier: Apache-2.0 */
/* Writing front to back, by this thread or by another one. */
#include <fcntl.h>

#include "base/test.h"
#include "device/install/outbox.h"

#define N_BLOCKS 2500u /* more than all buffers hold */
#define N_BYTES ((size_t)N_BLOCKS * SWB_BLOCK_BYTES)
#define WANT ((size_t)5000) /* no divisor of a buffer */

struct fixture {
        uint8_t *content, *got;
        uint8_t *buffer;
        int fd, direct_fd;
        uint64_t n_stepped;
        struct swb_step step;
        struct swb_outbox *outbox;
};

static int count_step(void *context, uint64_t n_bytes, struct swb_error *err _unused_)
{
        struct fixture *f = context;

        f->n_stepped += n_bytes;
        return 0;
}

static int make_fixture(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        char again[32];

        if (!f)
                return -1;
        *state = f;
        f->step = (struct swb_step){count_step, f};
        f->content = malloc(N_BYTES);
        f->got = malloc(N_BYTES);
        f->buffer = malloc(SWB_IO_BYTES);
        f->fd = open("/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (!f->content || !f->got || !f->buffer || f->fd < 0)
                return -1;
        (void)snprintf(again, sizeof(again), "/proc/self/fd/%d", f->fd);
        f->direct_fd = open(again, O_RDWR | O_DIRECT | O_CLOEXEC); /* not everywhere */
        for (size_t i = 0; i < N_BYTES; i++)
                f->content[i] = (uint8_t)(i * i >> 9);
        return swb_outbox_new(&f->outbox, NULL);
}

static int drop_fixture(void **state)
{
        struct fixture *f = *state;

        swb_outbox_free(f->outbox);
        swb_close(f->fd);
        swb_close(f->direct_fd);
        free(f->content);
        free(f->got);
        free(f->buffer);
        free(f);
        return 0;
}

static struct swb_extent_target target_of(struct fixture *f, struct swb_outbox *outbox)
{
        return (struct swb_extent_target){.file = {f->fd, "target", N_BYTES},
                                          .direct_fd = f->direct_fd,
                                          .write_behind = true,
                                          .step = &f->step,
                                          .outbox = outbox,
                                          .buffer = f->buffer};
}

/* In pieces that leave blocks begun when a buffer is full. */
static void write_all(struct swb_extent_writer *writer, const uint8_t *data, size_t n)
{
        struct swb_error err = SWB_ERROR_INIT;

        while (n > 0) {
                uint8_t *room;
                size_t n_room, piece = SWB_MIN(n, WANT);

                assert_ok(swb_extent_writer_room(writer, WANT, &room, &n_room, &err), &err);
                assert_true(n_room >= WANT);
                memcpy(room, data, piece);
                swb_extent_writer_commit(writer, piece);
                data += piece;
                n -= piece;
        }
        assert_ok(swb_extent_writer_finish(writer, &err), &err);
}

static void check_written(struct fixture *f, struct swb_outbox *outbox)
{
        /* A hole, and the stretch's end in the middle of the file. */
        const struct swb_extent extents[] = {{700, 1800}, {SWB_SPARSE_HOLE, 1}, {0, 699}};
        const struct swb_extent_target target = target_of(f, outbox);
        struct swb_extent_writer writer;
        struct swb_error err = SWB_ERROR_INIT;
        const size_t front = (size_t)699 * SWB_BLOCK_BYTES, back = (size_t)1800 * SWB_BLOCK_BYTES;

        f->n_stepped = 0;
        assert_int_equal(ftruncate(f->fd, 0), 0);
        swb_extent_writer_init(&writer, &target, extents, SWB_ELEMENTS(extents));
        write_all(&writer, f->content, N_BYTES);
        if (outbox)
                assert_ok(swb_outbox_wait(outbox, swb_outbox_count(outbox), &err), &err);
        assert_int_equal(f->n_stepped, N_BYTES);
        assert_int_equal(pread(f->fd, f->got, N_BYTES, 0), N_BYTES);
        assert_memory_equal(f->got + front + SWB_BLOCK_BYTES, f->content, back);
        assert_memory_equal(f->got, f->content + back + SWB_BLOCK_BYTES, front);
}

static void test_both_write_the_same(void **state)
{
        struct fixture *f = *state;

        check_written(f, NULL);
        check_written(f, f->outbox);
        check_written(f, f->outbox);
}

/* Buffers come and go between operations, also while one is taken and others are on their way. */
static void test_buffers_come_and_go(void **state)
{
        static const uint64_t allowed[] = {SWB_OUTBOX_BUFFERS_MAX * SWB_OUTBOX_BYTES, UINT64_MAX, 0,
                                           5 * SWB_OUTBOX_BYTES + 1, SWB_OUTBOX_BYTES};
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;

        for (size_t i = 0; i < SWB_ELEMENTS(allowed); i++) {
                uint8_t *before, *after;

                swb_outbox_allow(f->outbox, allowed[i]);
                check_written(f, f->outbox);
                assert_ok(swb_outbox_take(f->outbox, &before, &err), &err);
                memset(before, (int)i, SWB_OUTBOX_BYTES);
                swb_outbox_allow(f->outbox, 0);
                assert_ok(swb_outbox_take(f->outbox, &after, &err), &err);
                assert_ptr_equal(after, before);
                assert_int_equal(after[SWB_OUTBOX_BYTES - 1], i);
        }
}

/* Extents are an operation's, and gone with it. */
static void test_extents_are_not_kept(void **state)
{
        struct fixture *f = *state;
        const struct swb_extent_target target = target_of(f, f->outbox);
        struct swb_extent_writer writer;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_extent extent;

        for (uint64_t i = 0; i < N_BLOCKS; i++) {
                extent = (struct swb_extent){N_BLOCKS - 1 - i, 1};
                swb_extent_writer_init(&writer, &target, &extent, 1);
                write_all(&writer, f->content + i * SWB_BLOCK_BYTES, SWB_BLOCK_BYTES);
        }
        assert_ok(swb_outbox_wait(f->outbox, N_BLOCKS, &err), &err);
        assert_int_equal(pread(f->fd, f->got, N_BYTES, 0), N_BYTES);
        for (size_t i = 0; i < N_BLOCKS; i++)
                assert_memory_equal(f->got + (N_BLOCKS - 1 - i) * SWB_BLOCK_BYTES,
                                    f->content + i * SWB_BLOCK_BYTES, SWB_BLOCK_BYTES);
}

static void test_a_failure_stays(void **state)
{
        struct fixture *f = *state;
        const struct swb_extent extent = {0, 1};
        struct swb_extent_place place = {{-EBADF, "gone", N_BYTES}, -EBADF, false, &extent, 0};
        struct swb_error err = SWB_ERROR_INIT;
        uint8_t *buffer;

        assert_ok(swb_outbox_take(f->outbox, &buffer, &err), &err);
        memset(buffer, 7, SWB_BLOCK_BYTES);
        swb_outbox_put(f->outbox, &place, SWB_BLOCK_BYTES);
        assert_fault(swb_outbox_wait(f->outbox, 1, &err), &err, SWB_FAULT_IO);
        assert_true(swb_outbox_take(f->outbox, &buffer, &err) < 0);
        place.file.fd = f->fd;
        swb_outbox_put(f->outbox, &place, SWB_BLOCK_BYTES); /* is dropped */
        assert_true(swb_outbox_wait(f->outbox, 2, &err) < 0);
        assert_int_equal(lseek(f->fd, 0, SEEK_END), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_both_write_the_same, make_fixture,
                                                drop_fixture),
                cmocka_unit_test_setup_teardown(test_buffers_come_and_go, make_fixture,
                                                drop_fixture),
                cmocka_unit_test_setup_teardown(test_extents_are_not_kept, make_fixture,
                                                drop_fixture),
                cmocka_unit_test_setup_teardown(test_a_failure_stays, make_fixture, drop_fixture),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
