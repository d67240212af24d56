/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>

#include "device/engine/state.h"
#include "os/file.h"

struct place {
        char dir[64], path[128], damaged[128];
};

static int make_place(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        (void)snprintf(place->dir, sizeof(place->dir), "/tmp/test-state-XXXXXX");
        if (!mkdtemp(place->dir))
                return -1;
        (void)snprintf(place->path, sizeof(place->path), "%s/engine.state", place->dir);
        (void)snprintf(place->damaged, sizeof(place->damaged), "%s/engine.state.damaged",
                       place->dir);
        *state = place;
        return 0;
}

static int remove_place(void **state)
{
        struct place *place = *state;

        (void)unlink(place->path);
        (void)unlink(place->damaged);
        (void)rmdir(place->dir);
        free(place);
        return 0;
}

/* Every field set, texts as long and as nasty as they may be. */
static void fill(struct swb_state *s)
{
        struct swb_pending *p = &s->pending;

        p->phase = SWB_PHASE_INSTALLING;
        memset(p->version, 'v', sizeof(p->version) - 1);
        memset(p->from_version, '\\', sizeof(p->from_version) - 1);
        for (int i = 0; i < SWB_SHA256_BYTES; i++)
                p->payload_hash[i] = (uint8_t)(i * 7);
        p->payload_bytes = UINT64_MAX;
        for (size_t i = 0; i < SWB_URLS_MAX; i++)
                memset(p->url[i], 1, sizeof(p->url[i]) - 1);
        p->n_urls = SWB_URLS_MAX;
        p->is_delta = true;
        p->by_hand = true;
        p->is_local = true;
        p->slot = SWB_SLOT_B;
        p->attempts = 7;
        p->failures = 8;
        p->offset = 9;
        memset(p->wait.boot_id, 'w', sizeof(p->wait.boot_id) - 1);
        p->wait.wait_usec = 10;
        memset(p->deadline, 'D', sizeof(p->deadline) - 1);
        p->no_backoff = true;
        p->url_failures = 11;
        memset(p->boot_id, 'b', sizeof(p->boot_id) - 1);
        for (int i = 0; i < SWB_FAILED_MAX; i++) {
                struct swb_failed failed = {.fault = SWB_FAULT_HEALTH, .wall_usec = (uint64_t)i};

                (void)snprintf(failed.version, sizeof(failed.version), "1.%d", i);
                memset(failed.text, '\n', sizeof(failed.text) - 1);
                swb_state_add_failed(s, &failed);
        }
        for (int i = 0; i < SWB_EVENTS_MAX; i++) {
                struct swb_event event = {.type = 3,
                                          .error_code = -1 - i,
                                          .slot = SWB_SLOT_B,
                                          .fault = SWB_FAULT_SOURCE};

                (void)snprintf(event.next_version, sizeof(event.next_version), "2.%d", i);
                memset(event.text, '\t', sizeof(event.text) - 1);
                swb_state_add_event(s, &event);
        }
        memset(s->due.boot_id, 'd', sizeof(s->due.boot_id) - 1);
        s->due.boot_usec = 1;
        s->due.wall_usec = 2;
        s->due.wait_usec = 3;
        s->due.is_order = true;
        for (size_t i = 0; i < SWB_PAST_MAX; i++) {
                struct swb_past *past = &s->past[s->n_past++];

                past->wall_usec = i + 1;
                past->times = i + 2;
                past->fault = SWB_FAULT_HASH;
                memset(past->from_version, '\1', sizeof(past->from_version) - 1);
                memset(past->to_version, 't', sizeof(past->to_version) - 1);
                memset(past->text, '\n', sizeof(past->text) - 1);
        }
        memset(s->channel, 'c', sizeof(s->channel) - 1);
        s->found = s->pause = s->deferral = s->due;
        s->found.wait_usec = 0;
        s->scatter_usec = 12;
        memset(s->deferral_reason, '\\', sizeof(s->deferral_reason) - 1);
        s->usage = (struct swb_usage){13, 14, 15, 16, 17};
        s->ping_day = 6000;
        s->last_check_wall_usec = 4;
        s->poll_interval_usec = 5;
        s->failed_checks = 6;
        s->delta_failures = 7;
        s->full_only = true;
        memset(s->refused_version, 'r', sizeof(s->refused_version) - 1);
        memset(s->cohort, '=', sizeof(s->cohort) - 1);
        memset(s->cohort_hint, '"', sizeof(s->cohort_hint) - 1);
        memset(s->cohort_name, 'n', sizeof(s->cohort_name) - 1);
}

static void all_fields_come_back(void **state)
{
        const struct place *place = *state;
        _cleanup_(swb_state_freep) struct swb_state *out = swb_state_new(), *in = swb_state_new();
        struct swb_error err = SWB_ERROR_INIT;
        struct stat st;

        fill(out);
        assert_ok(swb_state_save(out, place->dir, &err), &err);
        assert_int_equal(swb_state_load(in, place->dir, &err), 0);
        assert_memory_equal(in, out, sizeof(*in));
        assert_int_equal(stat(place->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_empty_state_comes_back(void **state)
{
        const struct place *place = *state;
        _cleanup_(swb_state_freep) struct swb_state *out = swb_state_new(), *in = swb_state_new();
        struct swb_error err = SWB_ERROR_INIT;

        fill(in);
        assert_int_equal(swb_state_load(in, place->dir, &err), SWB_STATE_FRESH);
        assert_memory_equal(in, out, sizeof(*in));
        assert_ok(swb_state_save(out, place->dir, &err), &err);
        fill(in);
        assert_int_equal(swb_state_load(in, place->dir, &err), 0);
        assert_memory_equal(in, out, sizeof(*in));
}

static void write_plain(const char *path, const void *data, size_t n_bytes)
{
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, n_bytes, file), n_bytes);
        assert_int_equal(fclose(file), 0);
}

/* Many bytes of the file changed in turn, and the file cut at as many lengths: always noticed. */
static void damage_is_noticed(void **state)
{
        const struct place *place = *state;
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new(), *in = swb_state_new();
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1 << 20);
        struct swb_error err = SWB_ERROR_INIT;

        (void)snprintf(s->pending.version, sizeof(s->pending.version), "1.1");
        s->pending.phase = SWB_PHASE_INSTALLED;
        assert_ok(swb_state_save(s, place->dir, &err), &err);
        assert_ok(swb_read_file(place->path, &buf, &err), &err);
        for (size_t i = 0; i < buf.n_bytes; i += 3) {
                buf.data[i] ^= 1;
                write_plain(place->path, buf.data, buf.n_bytes);
                assert_fault(swb_state_load(in, place->dir, &err), &err, SWB_FAULT_FORMAT);
                buf.data[i] ^= 1;
                write_plain(place->path, buf.data, i);
                assert_fault(swb_state_load(in, place->dir, &err), &err, SWB_FAULT_FORMAT);
        }
        assert_int_equal(in->pending.phase, SWB_PHASE_NONE);
        assert_int_equal(truncate(place->path, 1 << 20), 0);
        assert_fault(swb_state_load(in, place->dir, &err), &err, SWB_FAULT_FORMAT);
        assert_ok(swb_state_set_aside(place->dir, &err), &err);
        assert_int_equal(access(place->damaged, F_OK), 0);
        assert_int_equal(swb_state_load(in, place->dir, &err), SWB_STATE_FRESH);
}

static void what_failed_again_is_counted(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();
        struct swb_failed failed = {.version = "1.1", .fault = SWB_FAULT_FELL_BACK, .wall_usec = 1};
        const struct swb_failed *found;

        (void)state;
        swb_state_add_failed(s, &failed);
        found = swb_state_find_failed(s, "1.1");
        assert_int_equal(found->n_times, 1);
        assert_false(swb_failed_is_final(found, 1));
        assert_true(swb_failed_is_final(found, 0));
        failed.wall_usec = 7;
        swb_state_add_failed(s, &failed);
        assert_int_equal(s->n_failed, 1);
        found = swb_state_find_failed(s, "1.1");
        assert_int_equal(found->n_times, 2);
        assert_int_equal(found->wall_usec, 7);
        assert_true(swb_failed_is_final(found, 1));
        swb_state_drop_failed(s, "1.1");
        assert_int_equal(s->n_failed, 0);
        failed.fault = SWB_FAULT_HEALTH;
        assert_true(swb_failed_is_final(&failed, 1));
}

static void lists_are_bounded_and_drop_the_oldest(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();
        struct swb_failed failed = {.version = "new"};
        struct swb_event event = {.type = 54};

        (void)state;
        fill(s);
        swb_state_add_failed(s, &failed);
        assert_int_equal(s->n_failed, SWB_FAILED_MAX);
        assert_null(swb_state_find_failed(s, "1.0"));
        assert_non_null(swb_state_find_failed(s, "1.1"));
        assert_non_null(swb_state_find_failed(s, "new"));
        swb_state_add_event(s, &event);
        assert_int_equal(s->n_events, SWB_EVENTS_MAX);
        assert_int_equal(s->events[0].error_code, -2);
        assert_int_equal(s->events[SWB_EVENTS_MAX - 1].type, 54);
        s->n_in_flight = 3; /* what is being sent stays until it is acknowledged */
        swb_state_add_event(s, &event);
        assert_int_equal(s->events[2].error_code, -4);
        assert_int_equal(s->events[3].error_code, -6);
        swb_state_drop_sent(s);
        assert_int_equal(s->events[0].error_code, -6);
        assert_int_equal(s->n_events, SWB_EVENTS_MAX - 3);
        swb_state_drop_sent(s);
        assert_int_equal(s->n_events, SWB_EVENTS_MAX - 3);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_fault(swb_state_save(s, "/nonexistent/folder", &err), &err, SWB_FAULT_NOT_FOUND);
        assert_fault(swb_state_load(s, "/dev/null", &err), &err, SWB_FAULT_IO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(all_fields_come_back, make_place, remove_place),
                cmocka_unit_test_setup_teardown(an_empty_state_comes_back, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(damage_is_noticed, make_place, remove_place),
                cmocka_unit_test(what_failed_again_is_counted),
                cmocka_unit_test(lists_are_bounded_and_drop_the_oldest),
                cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
        };

        return cmocka_run_group_tests_name("device/engine/state", tests, NULL, NULL);
}
