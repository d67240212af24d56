/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/engine/message.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OFFER                                                                                      \
        "TYPE=outcome\nRESULT=ok\nSTATUS=ok\nVERSION=1.1\nURL_COUNT=2\nURL_0=http://a/p\n"         \
        "URL_1=https://b/p\nSIZE=1000\nSHA256=" HASH                                               \
        "\nDELTA=true\nDEADLINE=now\nMAX_FAILURES=5\nDISABLE_BACKOFF=true\nPOLL_INTERVAL=3600\n"

static int parse(enum swb_worker_kind kind, const char *text, struct swb_message *m,
                 struct swb_error *err)
{
        return swb_message_parse(kind, text, strlen(text), m, err);
}

static void a_whole_answer_is_read(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        assert_ok(parse(SWB_WORKER_CHECK,
                        OFFER "METADATA_SIZE=12\nCOHORT=c\nCOHORT_HINT=\nCOHORT_NAME=n\nINFO=i\n"
                              "SOMETHING_NEW=ignored\n",
                        &m, &err),
                  &err);
        assert_true(m.ok && m.answer.has_update && m.answer.is_delta);
        assert_true(m.answer.has_cohort && m.answer.has_cohort_hint && m.answer.has_cohort_name);
        assert_string_equal(m.answer.deadline, "now");
        assert_true(m.answer.no_backoff);
        assert_int_equal(m.answer.url_failures, 5);
        assert_string_equal(m.answer.version, "1.1");
        assert_int_equal(m.answer.n_urls, 2);
        assert_string_equal(m.answer.url[1], "https://b/p");
        assert_int_equal(m.answer.payload_bytes, 1000);
        assert_int_equal(m.answer.payload_hash[1], 0x23);
        assert_int_equal(m.answer.poll_interval_usec, UINT64_C(3600000000));
        assert_string_equal(m.answer.cohort_name, "n");
        assert_string_equal(m.answer.info, "i");
}

static void post_install_says_how_far_it_is_and_no_more(void **state)
{
        struct swb_dialogue d = {.kind = SWB_WORKER_POST_INSTALL};
        static const char first[] = "TYPE=progress\nPERCENT=42\n",
                          back[] = "TYPE=progress\nPERCENT=41\n";
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        assert_fault(parse(SWB_WORKER_POST_INSTALL, "TYPE=need\nOFFSET=0\n", &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
        assert_fault(parse(SWB_WORKER_POST_INSTALL, "TYPE=progress\nPERCENT=101\n", &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
        assert_fault(parse(SWB_WORKER_POST_INSTALL, "TYPE=progress\n", &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
        assert_ok(swb_dialogue_hear(&d, first, strlen(first), 0, &m, &err), &err);
        assert_int_equal(m.percent, 42);
        assert_fault(swb_dialogue_hear(&d, back, strlen(back), 0, &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
}

static void no_update_needs_no_offer(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        assert_ok(parse(SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\nSTATUS=noupdate\nINFO=paused\n",
                        &m, &err),
                  &err);
        assert_false(m.answer.has_update);
        assert_false(m.answer.has_cohort);
        assert_string_equal(m.answer.info, "paused");
}

static void a_failed_outcome_brings_its_cause(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        assert_ok(parse(SWB_WORKER_GET,
                        "TYPE=outcome\nRESULT=failed\nFAULT=http\nCODE=-5\nTEXT=said 503\n"
                        "HTTP_STATUS=503\nRETRY_AFTER=120\n",
                        &m, &err),
                  &err);
        assert_false(m.ok);
        assert_int_equal(m.cause.fault, SWB_FAULT_HTTP);
        assert_true(m.cause.code < 0);
        assert_string_equal(m.cause.text, "said 503");
        assert_int_equal(m.http_status, 503);
        assert_int_equal(m.retry_after_usec, UINT64_C(120000000));
}

static const struct {
        enum swb_worker_kind kind;
        const char *text;
} lies[] = {
        {SWB_WORKER_CHECK, ""},
        {SWB_WORKER_CHECK, "hello"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nTYPE=outcome\n"},
        {SWB_WORKER_CHECK, "TYPE=nonsense\n"},
        {SWB_WORKER_CHECK, "TYPE=need\nOFFSET=0\n"},
        {SWB_WORKER_CHECK, "TYPE=progress\nBYTES_DONE=0\nOFFSET=0\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\nSTATUS=maybe\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\nSTATUS=ok\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=failed\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=failed\nFAULT=none\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=failed\nFAULT=no-such-fault\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\nSTATUS=noupdate\nPOLL_INTERVAL=-1\n"},
        {SWB_WORKER_CHECK,
         "TYPE=outcome\nRESULT=ok\nSTATUS=noupdate\nPOLL_INTERVAL=18446744073709551615\n"},
        {SWB_WORKER_CHECK, "TYPE=outcome\nRESULT=ok\nSTATUS=noupdate\nHTTP_STATUS=1000\n"},
        {SWB_WORKER_GET, "TYPE=need\nOFFSET=0\n"},
        {SWB_WORKER_GET, "TYPE=progress\nBYTES_DONE=1\n"},
        {SWB_WORKER_GET, "TYPE=progress\nBYTES_DONE=1\nOFFSET=18446744073709551615\n"},
        {SWB_WORKER_INSTALL, "TYPE=need\n"},
        {SWB_WORKER_INSTALL, "TYPE=need\nOFFSET=x\n"},
        {SWB_WORKER_INSTALL, "TYPE=progress\nBYTES_DONE=1\nBYTES_TOTAL=2\nPERCENT=1\n"},
        {SWB_WORKER_INSTALL,
         "TYPE=progress\nSTAGE=dance\nBYTES_DONE=1\nBYTES_TOTAL=2\nPERCENT=1\n"},
        {SWB_WORKER_INSTALL,
         "TYPE=progress\nSTAGE=apply\nBYTES_DONE=1\nBYTES_TOTAL=2\nPERCENT=101\n"},
        {SWB_WORKER_INSTALL,
         "TYPE=progress\nSTAGE=apply\nBYTES_DONE=3\nBYTES_TOTAL=2\nPERCENT=1\n"},
        {SWB_WORKER_INSTALL, "TYPE=progress\nSTAGE=apply\nBYTES_DONE=1\nBYTES_TOTAL=2\nPERCENT=1\n"
                             "OPERATIONS_DONE=2\nOPERATIONS_TOTAL=1\n"},
        {SWB_WORKER_INSTALL, "TYPE=outcome\nRESULT=ok\nVERSION=has space\n"},
        {SWB_WORKER_INSTALL, "TYPE=outcome\nRESULT=ok\nVERSION=-dash\n"},
        {SWB_WORKER_COMMAND, "TYPE=outcome\nRESULT=ok\n"},
};

static void lies_are_refused(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(lies); i++)
                assert_fault(parse(lies[i].kind, lies[i].text, &m, &err), &err, SWB_FAULT_PROTOCOL);
}

/* Each line of a good offer replaced by a bad one. */
static void bad_offers_are_refused(void **state)
{
        static const char *const changes[][2] = {
                {"VERSION=1.1\n", ""},
                {"VERSION=1.1\n", "VERSION=\n"},
                {"VERSION=1.1\n", "VERSION=1\\n1\n"},
                {"VERSION=1.1\n",
                 "VERSION=1234567890123456789012345678901234567890123456789012345678901234\n"},
                {"URL_COUNT=2\n", "URL_COUNT=0\n"},
                {"URL_COUNT=2\n", "URL_COUNT=3\n"},
                {"URL_0=http://a/p\n", "URL_0=file:///etc/shadow\n"},
                {"URL_0=http://a/p\n", "URL_0=http://a/ p\n"},
                {"URL_0=http://a/p\n", "URL_0=--option\n"},
                {"SIZE=1000\n", ""},
                {"SIZE=1000\n", "SIZE=0\n"},
                {"SIZE=1000\n", "SIZE=9223372036854775808\n"},
                {"SHA256=" HASH "\n", ""},
                {"SHA256=" HASH "\n", "SHA256=" HASH "00\n"},
                {"DELTA=true\n", "DELTA=perhaps\n"},
                {"DELTA=true\n", "METADATA_SIZE=1001\n"},
        };
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message m;

        (void)state;
        assert_ok(parse(SWB_WORKER_CHECK, OFFER, &m, &err), &err);
        for (size_t i = 0; i < SWB_ELEMENTS(changes); i++) {
                const char *at = strstr(OFFER, changes[i][0]);
                char text[2048];

                assert_non_null(at);
                (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - OFFER), OFFER,
                               changes[i][1], at + strlen(changes[i][0]));
                assert_fault(parse(SWB_WORKER_CHECK, text, &m, &err), &err, SWB_FAULT_PROTOCOL);
        }
}

static int hear(struct swb_dialogue *d, const char *text, struct swb_error *err)
{
        struct swb_message m;

        return swb_dialogue_hear(d, text, strlen(text), 0, &m, err);
}

#define APPLY(percent, done)                                                                       \
        "TYPE=progress\nSTAGE=apply\nPERCENT=" #percent "\nBYTES_DONE=" #done "\nBYTES_TOTAL="     \
        "100\n"
#define READBACK(percent, done)                                                                    \
        "TYPE=progress\nSTAGE=readback\nPERCENT=" #percent "\nBYTES_DONE=" #done                   \
        "\nBYTES_TOTAL=50\n"
#define GOT(done, offset) "TYPE=progress\nBYTES_DONE=" #done "\nOFFSET=" #offset "\nRATE=5\n"
#define OK "TYPE=outcome\nRESULT=ok\n"

static void an_install_in_order_is_heard(void **state)
{
        struct swb_dialogue d = {.kind = SWB_WORKER_INSTALL, .payload_bytes = 100};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(hear(&d, "TYPE=need\nOFFSET=100\n", &err), &err);
        assert_ok(hear(&d, APPLY(10, 40), &err), &err);
        assert_true(d.has_advanced);
        assert_ok(hear(&d, APPLY(10, 40), &err), &err);
        assert_false(d.has_advanced);
        assert_ok(hear(&d, READBACK(60, 1), &err), &err);
        assert_true(d.has_advanced);
        assert_ok(hear(&d, OK, &err), &err);
        assert_true(d.has_outcome);
}

static const struct {
        enum swb_worker_kind kind;
        const char *texts[4];
} disorders[] = {
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=101\n"}},
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=0\n", "TYPE=need\nOFFSET=0\n"}},
        {SWB_WORKER_INSTALL, {APPLY(1, 1)}},
        {SWB_WORKER_INSTALL, {OK}},
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=0\n", APPLY(2, 2), APPLY(1, 2)}},
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=0\n", APPLY(2, 2), APPLY(2, 1)}},
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=0\n", READBACK(2, 2), APPLY(3, 3)}},
        {SWB_WORKER_INSTALL, {"TYPE=need\nOFFSET=0\n", OK, OK}},
        {SWB_WORKER_GET, {GOT(1, 101)}},
        {SWB_WORKER_GET, {GOT(2, 52), GOT(3, 51)}},
        {SWB_WORKER_GET, {GOT(2, 52), GOT(1, 52)}},
        {SWB_WORKER_GET, {OK, GOT(1, 1)}},
        {SWB_WORKER_CHECK, {OFFER, OFFER}},
};

static void disorder_is_refused_at_its_last_message(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(disorders); i++) {
                struct swb_dialogue d = {.kind = disorders[i].kind, .payload_bytes = 100};
                struct swb_error err = SWB_ERROR_INIT;
                int k = 0;

                for (; disorders[i].texts[k + 1]; k++)
                        assert_ok(hear(&d, disorders[i].texts[k], &err), &err);
                assert_fault(hear(&d, disorders[i].texts[k], &err), &err, SWB_FAULT_PROTOCOL);
        }
}

static void floods_and_giants_are_refused(void **state)
{
        struct swb_dialogue d = {.kind = SWB_WORKER_GET, .payload_bytes = 100};
        struct swb_error err = SWB_ERROR_INIT;
        char giant[SWB_MESSAGE_BYTES_MAX + 1];
        struct swb_message m;
        uint64_t now = 0;

        (void)state;
        memset(giant, 'A', sizeof(giant));
        assert_fault(swb_dialogue_hear(&d, giant, sizeof(giant), 0, &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
        /* A steady stream below the limit goes on for ever, a burst does not. */
        for (int i = 0; i < 1000; i++, now += 6000)
                assert_ok(swb_dialogue_hear(&d, GOT(1, 1), strlen(GOT(1, 1)), now, &m, &err), &err);
        now += 2000000;
        for (int i = 0; i < SWB_MESSAGES_PER_SECOND_MAX; i++)
                assert_ok(swb_dialogue_hear(&d, GOT(1, 1), strlen(GOT(1, 1)), now, &m, &err), &err);
        assert_fault(swb_dialogue_hear(&d, GOT(1, 1), strlen(GOT(1, 1)), now, &m, &err), &err,
                     SWB_FAULT_PROTOCOL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_answer_is_read),
                cmocka_unit_test(post_install_says_how_far_it_is_and_no_more),
                cmocka_unit_test(no_update_needs_no_offer),
                cmocka_unit_test(a_failed_outcome_brings_its_cause),
                cmocka_unit_test(lies_are_refused),
                cmocka_unit_test(bad_offers_are_refused),
                cmocka_unit_test(an_install_in_order_is_heard),
                cmocka_unit_test(disorder_is_refused_at_its_last_message),
                cmocka_unit_test(floods_and_giants_are_refused),
        };

        return cmocka_run_group_tests_name("device/engine/message", tests, NULL, NULL);
}
