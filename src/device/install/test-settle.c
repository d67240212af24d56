/* SPDX-License-Identifier: Apache-2.0 */
/* Work on other threads: the front, the helper, the settler. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"
#include "device/install/crew.h"
#include "os/file.h"

#define N_BLOCKS 600u /* more than two pieces of the read-back */

/* ---- the front ---- */

static void add(struct swb_front *front, uint64_t start, uint64_t n)
{
        const struct swb_extent extent = {start, n};

        swb_front_add(front, &extent, 1);
}

static void test_front(void **state)
{
        const struct swb_extent many[] = {{30, 10}, {SWB_SPARSE_HOLE, 5}, {0, 10}};
        _cleanup_(swb_front_done) struct swb_front front = {0};

        (void)state;
        swb_front_add(&front, many, SWB_ELEMENTS(many));
        assert_int_equal(front.end_block, 10);
        add(&front, 20, 10);
        assert_int_equal(front.end_block, 10);
        add(&front, 10, 10); /* closes the gap to both */
        assert_int_equal(front.end_block, 40);
        assert_int_equal(front.n, 0);
        assert_false(front.again);
        add(&front, 39, 10);
        assert_true(front.again);
        assert_int_equal(front.end_block, 49);
}

/* What is written twice before the front reaches it was read by nobody. */
static void test_front_overlaps(void **state)
{
        _cleanup_(swb_front_done) struct swb_front front = {0};

        (void)state;
        add(&front, 10, 10);
        add(&front, 15, 10);
        add(&front, 12, 1);
        add(&front, 0, 10);
        assert_int_equal(front.end_block, 25);
        assert_false(front.again);
}

static void test_front_gives_up(void **state)
{
        _cleanup_(swb_front_done) struct swb_front front = {0};

        (void)state;
        add(&front, 0, 5);
        for (uint64_t i = 0; i <= SWB_FRONT_PIECES_MAX; i++)
                add(&front, 10 + 2 * i, 1);
        assert_true(front.lost);
        add(&front, 5, 5);
        assert_int_equal(front.end_block, 5);
        assert_false(front.again);
        add(&front, 4, 1); /* this must never be missed */
        assert_true(front.again);
}

static void test_front_joins_neighbours(void **state)
{
        _cleanup_(swb_front_done) struct swb_front front = {0};

        (void)state;
        for (uint64_t i = 0; i <= SWB_FRONT_PIECES_MAX; i++)
                add(&front, 10 + 2 * i, 2);
        assert_int_equal(front.n, 1);
        add(&front, 0, 10);
        assert_int_equal(front.end_block, 10 + 2 * (SWB_FRONT_PIECES_MAX + 1));
        assert_false(front.again);
}

/* ---- the helper ---- */

static void increase(void *context)
{
        ++*(unsigned *)context;
}

static void test_beside(void **state)
{
        _cleanup_(swb_beside_freep) struct swb_beside *beside = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        unsigned n = 0;

        (void)state;
        assert_ok(swb_beside_new(&beside, &err), &err);
        for (unsigned i = 1; i <= 1000; i++) {
                swb_beside_start(beside, increase, &n);
                swb_beside_wait(beside);
                assert_int_equal(n, i);
        }
}

/* ---- the settler ---- */

struct fixture {
        char dir[32];
        uint8_t *content;
        struct swb_slots slots;
        struct swb_crew crew;
};

static int make_fixture(void **state)
{
        const struct swb_install_slot config = {"root", "target", NULL};
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f)
                return -1;
        *state = f;
        f->content = malloc(N_BLOCKS * SWB_BLOCK_BYTES);
        (void)snprintf(f->dir, sizeof(f->dir), "/var/tmp/swb-settle-XXXXXX");
        if (!f->content || !mkdtemp(f->dir) || chdir(f->dir) < 0)
                return -1;
        for (size_t i = 0; i < N_BLOCKS * SWB_BLOCK_BYTES; i++)
                f->content[i] = (uint8_t)(i * i >> 7);
        if (swb_write_file_durable("target", f->content, N_BLOCKS * SWB_BLOCK_BYTES, 0600, NULL) <
            0)
                return -1;
        if (swb_slots_open(&f->slots, &config, 1, false, NULL) < 0)
                return -1;
        return swb_crew_start(&f->crew, &f->slots, NULL);
}

static int drop_fixture(void **state)
{
        struct fixture *f = *state;

        swb_crew_done(&f->crew);
        swb_slots_done(&f->slots);
        (void)unlink("target");
        (void)unlink("checkpoint");
        (void)rmdir(f->dir);
        free(f->content);
        free(f);
        return 0;
}

static struct swb_settle_job job_up_to(uint64_t front)
{
        return (struct swb_settle_job){
                .state_dir = ".", .dirty = {true}, .front = {front}, .checkpoint.offset = front};
}

static void test_settle(void **state)
{
        struct fixture *f = *state;
        struct swb_settle_job job = job_up_to(300 * SWB_BLOCK_BYTES);
        struct swb_error survived = SWB_ERROR_INIT, err = SWB_ERROR_INIT;
        const struct swb_readback_walk *walk = swb_follower_walk(f->crew.follower, 0);
        struct swb_checkpoint checkpoint;
        struct swb_sha256 sha;
        uint8_t want[SWB_SHA256_BYTES], got[SWB_SHA256_BYTES];

        assert_ok(swb_settler_post(f->crew.settler, &job, &survived, &err), &err);
        assert_ok(swb_settler_wait(f->crew.settler, &survived, &err), &err);
        assert_int_equal(survived.code, 0);
        assert_int_equal(swb_checkpoint_load(".", &checkpoint, &err), 0);
        assert_int_equal(checkpoint.offset, job.checkpoint.offset);
        for (unsigned i = 0; i < 10; i++) { /* reads on behind the jobs, and never too far */
                swb_follower_pause(f->crew.follower);
                assert_true(walk->offset <= 300 * SWB_BLOCK_BYTES);
                assert_ok(swb_settler_post(f->crew.settler, &job, &survived, &err), &err);
                assert_ok(swb_settler_wait(f->crew.settler, &survived, &err), &err);
        }
        swb_follower_pause(f->crew.follower);
        sha = walk->sha;
        swb_sha256_final(&sha, got);
        swb_sha256(f->content, walk->offset, want);
        assert_memory_equal(got, want, sizeof(want));
}

static void test_settle_fails(void **state)
{
        struct fixture *f = *state;
        struct swb_settle_job job = job_up_to(0);
        struct swb_error survived = SWB_ERROR_INIT, err = SWB_ERROR_INIT;
        struct stat st;

        job.state_dir = "no-such-folder";
        assert_ok(swb_settler_post(f->crew.settler, &job, &survived, &err), &err);
        assert_ok(swb_settler_wait(f->crew.settler, &survived, &err), &err);
        assert_true(survived.code < 0);
        assert_ok(swb_settler_wait(f->crew.settler, &survived, &err), &err);
        assert_int_equal(survived.code, 0);

        job = job_up_to(4096);
        f->slots.slots[0].fd = swb_close(f->slots.slots[0].fd); /* the sync fails */
        assert_ok(swb_settler_post(f->crew.settler, &job, &survived, &err), &err);
        assert_true(swb_settler_wait(f->crew.settler, &survived, &err) < 0);
        assert_true(swb_settler_post(f->crew.settler, &job, &survived, &err) < 0);
        assert_int_equal(stat("checkpoint", &st), -1); /* and is not said to have worked */
        assert_int_equal(swb_follower_walk(f->crew.follower, 0)->offset, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_front),
                cmocka_unit_test(test_front_overlaps),
                cmocka_unit_test(test_front_gives_up),
                cmocka_unit_test(test_front_joins_neighbours),
                cmocka_unit_test(test_beside),
                cmocka_unit_test_setup_teardown(test_settle, make_fixture, drop_fixture),
                cmocka_unit_test_setup_teardown(test_settle_fails, make_fixture, drop_fixture),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
