/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/engine/reports.h"
#include "device/engine/retry.h"

/* Every fault, with its code at the server and what the next attempt is. A new fault fails here
 * until it is listed. */
static const struct {
        enum swb_fault fault;
        int code;
        enum swb_retry retry;
} table[] = {
        {SWB_FAULT_NONE, 0, SWB_RETRY_COUNT},        {SWB_FAULT_INTERNAL, 1, SWB_RETRY_COUNT},
        {SWB_FAULT_USAGE, 1, SWB_RETRY_SAME},        {SWB_FAULT_CONFIG, 1, SWB_RETRY_SAME},
        {SWB_FAULT_NO_MEMORY, 1, SWB_RETRY_TWICE},   {SWB_FAULT_IO, 28, SWB_RETRY_COUNT},
        {SWB_FAULT_NO_SPACE, 60, SWB_RETRY_COUNT},   {SWB_FAULT_NOT_FOUND, 7, SWB_RETRY_COUNT},
        {SWB_FAULT_FORMAT, 23, SWB_RETRY_COUNT},     {SWB_FAULT_UNSUPPORTED, 45, SWB_RETRY_FULL},
        {SWB_FAULT_LIMIT, 23, SWB_RETRY_COUNT},      {SWB_FAULT_SIGNATURE, 12, SWB_RETRY_COUNT},
        {SWB_FAULT_HASH, 10, SWB_RETRY_COUNT},       {SWB_FAULT_SOURCE, 20, SWB_RETRY_FULL},
        {SWB_FAULT_READBACK, 15, SWB_RETRY_COUNT},   {SWB_FAULT_NETWORK, 9, SWB_RETRY_SAME},
        {SWB_FAULT_HTTP, 2404, SWB_RETRY_SAME},      {SWB_FAULT_PROTOCOL, 34, SWB_RETRY_COUNT},
        {SWB_FAULT_BOOT, 52, SWB_RETRY_SAME},        {SWB_FAULT_HEALTH, 5, SWB_RETRY_SAME},
        {SWB_FAULT_FELL_BACK, 44, SWB_RETRY_SAME},   {SWB_FAULT_BUSY, 1, SWB_RETRY_SAME},
        {SWB_FAULT_DENIED, 7, SWB_RETRY_SAME},       {SWB_FAULT_CANCELLED, 48, SWB_RETRY_SAME},
        {SWB_FAULT_TIMEOUT, 9, SWB_RETRY_COUNT},     {SWB_FAULT_DOWNGRADE, 51, SWB_RETRY_SAME},
        {SWB_FAULT_POST_INSTALL, 5, SWB_RETRY_SAME},
};

static void every_fault_has_a_code_and_a_decision(void **state)
{
        (void)state;
        assert_int_equal(SWB_ELEMENTS(table), _SWB_FAULT_MAX);
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++) {
                assert_int_equal(table[i].fault, i);
                assert_int_equal(swb_report_error_code(table[i].fault, 404), table[i].code);
                assert_int_equal(swb_retry_after(table[i].fault), table[i].retry);
        }
}

static const struct swb_pending update = {
        .from_version = "1.0", .version = "1.1", .slot = SWB_SLOT_B};
static const struct swb_pending other = {.from_version = "1.0", .version = "1.2"};

static void expect_last(const struct swb_state *s, unsigned type, unsigned result, int code)
{
        const struct swb_event *event = &s->events[s->n_events - 1];

        assert_int_equal(event->type, type);
        assert_int_equal(event->result, result);
        assert_int_equal(event->error_code, code);
        assert_int_equal(event->slot, SWB_SLOT_B);
        assert_string_equal(event->previous_version, "1.0");
        assert_string_equal(event->next_version, "1.1");
}

static void events_have_omahas_numbers(void **state)
{
        struct swb_error err = {.code = -EIO, .fault = SWB_FAULT_SOURCE, .text = "not the source"};
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        swb_report_queue(s, SWB_REPORT_STARTED, &update, NULL, 0);
        expect_last(s, 13, 1, 0);
        swb_report_queue(s, SWB_REPORT_DOWNLOADED, &update, NULL, 0);
        expect_last(s, 14, 1, 0);
        swb_report_queue(s, SWB_REPORT_INSTALLED, &update, NULL, 0);
        expect_last(s, 3, 1, 0);
        swb_report_queue(s, SWB_REPORT_COMPLETED, &update, NULL, 0);
        expect_last(s, 54, 1, 0);
        swb_report_queue(s, SWB_REPORT_REFUSED, &update, &err, 0);
        expect_last(s, 3, 9, 35);
        swb_report_queue(s, SWB_REPORT_FAILED, &update, &err, 0);
        expect_last(s, 3, 0, 20);
        assert_int_equal(s->events[5].fault, SWB_FAULT_SOURCE);
        assert_string_equal(s->events[5].text, "not the source");
        assert_int_equal(s->n_events, 6);
}

static void the_same_failure_twice_in_a_row_is_queued_once(void **state)
{
        struct swb_error err = {.code = -EIO, .fault = SWB_FAULT_NETWORK, .text = "no route"};
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        swb_report_queue(s, SWB_REPORT_FAILED, &update, &err, 0);
        swb_report_queue(s, SWB_REPORT_FAILED, &update, &err, 0);
        assert_int_equal(s->n_events, 1);
        swb_report_queue(s, SWB_REPORT_FAILED, &other, &err, 0);
        assert_int_equal(s->n_events, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_fault_has_a_code_and_a_decision),
                cmocka_unit_test(events_have_omahas_numbers),
                cmocka_unit_test(the_same_failure_twice_in_a_row_is_queued_once),
        };

        return cmocka_run_group_tests_name("device/engine/reports", tests, NULL, NULL);
}
