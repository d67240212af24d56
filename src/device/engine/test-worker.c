/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/engine/worker.h"

/* Real processes: shell lines that speak through fd 3 (printf makes one datagram). */

struct watch {
        sd_event *event;
        struct swb_worker *worker;
        struct swb_worker_end end;
        char version[SWB_VERSION_TEXT];
        unsigned n_heard, n_ended;
        bool stop_when_heard, talk_is_progress;
};

static void on_heard(void *context, const struct swb_message *message)
{
        struct watch *watch = context;
        struct swb_error why = {.code = -ECANCELED, .fault = SWB_FAULT_CANCELLED, .text = "enough"};

        (void)message;
        watch->n_heard++;
        if (watch->stop_when_heard)
                swb_worker_stop(watch->worker, &why);
}

static void on_ended(void *context, const struct swb_worker_end *end)
{
        struct watch *watch = context;

        watch->n_ended++;
        watch->end = *end;
        if (end->outcome)
                (void)snprintf(watch->version, sizeof(watch->version), "%s", end->outcome->version);
        watch->worker = swb_worker_free(watch->worker);
        (void)sd_event_exit(watch->event, 0);
}

static void run(struct watch *watch, enum swb_worker_kind kind, const char *line,
                uint64_t silence_usec)
{
        const char *argv[] = {"/bin/sh", "-c", line, "sh", NULL};
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        struct swb_error err = SWB_ERROR_INIT;
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        job.kind = kind;
        job.argv = argv;
        job.payload_bytes = 100;
        job.silence_usec = silence_usec;
        job.talk_is_progress = watch->talk_is_progress;
        job.heard = on_heard;
        job.ended = on_ended;
        job.context = watch;
        assert_int_equal(sd_event_new(&watch->event), 0);
        assert_ok(swb_worker_start(watch->event, &job, &watch->worker, &err), &err);
        assert_int_equal(sd_event_loop(watch->event), 0);
        watch->event = sd_event_unref(watch->event);
        assert_null(watch->worker);
        assert_int_equal(watch->n_ended, 1);
}

#define SECOND UINT64_C(1000000)
#define NEED "printf 'TYPE=need\\nOFFSET=5\\n' >&3; "
#define DONE "printf 'TYPE=outcome\\nRESULT=ok\\nVERSION=1.1\\n' >&3; "

static void an_outcome_and_status_0_are_success(void **state)
{
        struct watch watch = {0};

        (void)state;
        run(&watch, SWB_WORKER_INSTALL, "[ \"$1\" = --control=3 ] || exit 9; " NEED DONE,
            20 * SECOND);
        assert_true(watch.end.ok);
        assert_int_equal(watch.n_heard, 1);
        assert_string_equal(watch.version, "1.1");
}

static void expect_failure(const char *line, enum swb_fault fault, bool has_crashed)
{
        struct watch watch = {0};

        run(&watch, SWB_WORKER_INSTALL, line, 20 * SECOND);
        assert_false(watch.end.ok);
        if (watch.end.cause.fault != fault)
                fail_msg("%s: fault %s (%s)", line, swb_fault_to_string(watch.end.cause.fault),
                         watch.end.cause.text);
        assert_int_equal(watch.end.has_crashed, has_crashed);
}

static void whatever_it_does_it_ends_once_with_a_cause(void **state)
{
        (void)state;
        expect_failure("exit 0", SWB_FAULT_INTERNAL, true);
        expect_failure("exit 3", SWB_FAULT_INTERNAL, true);
        expect_failure("kill -SEGV $$", SWB_FAULT_INTERNAL, true);
        expect_failure(NEED "kill -KILL $$", SWB_FAULT_CANCELLED, true);
        expect_failure(NEED DONE "exit 1", SWB_FAULT_PROTOCOL, false);
        expect_failure(DONE, SWB_FAULT_PROTOCOL, false);
        expect_failure("echo garbage >&3; sleep 30", SWB_FAULT_PROTOCOL, false);
        expect_failure(NEED NEED "sleep 30", SWB_FAULT_PROTOCOL, false);
        expect_failure(
                "printf 'TYPE=outcome\\nRESULT=failed\\nFAULT=source\\nTEXT=x\\n' >&3; exit 1",
                SWB_FAULT_SOURCE, false);
        expect_failure(NEED "while :; do printf 'TYPE=progress\\nSTAGE=apply\\nPERCENT=1\\n"
                            "BYTES_DONE=1\\nBYTES_TOTAL=2\\n' >&3; done",
                       SWB_FAULT_PROTOCOL, false);
}

static void silence_ends_it(void **state)
{
        struct watch watch = {0}, busy = {0};

        (void)state;
        run(&watch, SWB_WORKER_INSTALL, NEED "sleep 30", SECOND / 5);
        assert_false(watch.end.ok);
        assert_int_equal(watch.end.cause.fault, SWB_FAULT_TIMEOUT);
        /* Talk without progress is silence too. */
        run(&busy, SWB_WORKER_INSTALL,
            NEED "while sleep 0.05; do printf 'TYPE=progress\\nSTAGE=apply\\nPERCENT=1\\n"
                 "BYTES_DONE=1\\nBYTES_TOTAL=2\\n' >&3; done",
            SECOND / 3);
        assert_int_equal(busy.end.cause.fault, SWB_FAULT_TIMEOUT);
        assert_true(busy.n_heard > 1);
}

static void talk_counts_where_the_network_is_waited_for(void **state)
{
        struct watch watch = {.talk_is_progress = true};

        (void)state;
        run(&watch, SWB_WORKER_GET,
            "for i in 1 2 3 4 5 6; do printf 'TYPE=progress\\nBYTES_DONE=0\\nOFFSET=0\\n'"
            ">&3; sleep 0.12; done; " DONE,
            SECOND / 2);
        assert_true(watch.end.ok);
        assert_int_equal(watch.n_heard, 6);
}

static void a_stop_is_asked_for_and_named(void **state)
{
        struct watch watch = {.stop_when_heard = true};

        (void)state;
        run(&watch, SWB_WORKER_INSTALL, NEED "sleep 30 & wait", 20 * SECOND);
        assert_false(watch.end.ok);
        assert_int_equal(watch.end.cause.fault, SWB_FAULT_CANCELLED);
        assert_false(watch.end.has_crashed);
}

static void a_commands_status_counts(void **state)
{
        struct watch good = {0}, bad = {0};

        (void)state;
        run(&good, SWB_WORKER_COMMAND, "[ $# = 0 ]", 20 * SECOND);
        assert_true(good.end.ok);
        run(&bad, SWB_WORKER_COMMAND, "exit 4", 20 * SECOND);
        assert_false(bad.end.ok);
        assert_non_null(strstr(bad.end.cause.text, "status 4"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_outcome_and_status_0_are_success),
                cmocka_unit_test(whatever_it_does_it_ends_once_with_a_cause),
                cmocka_unit_test(silence_ends_it),
                cmocka_unit_test(talk_counts_where_the_network_is_waited_for),
                cmocka_unit_test(a_stop_is_asked_for_and_named),
                cmocka_unit_test(a_commands_status_counts),
        };

        return cmocka_run_group_tests_name("device/engine/worker", tests, NULL, NULL);
}
