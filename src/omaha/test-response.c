/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/text.h"
#include "omaha/response.h"

#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define BASE64 "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

static struct swb_omaha_response *parse(const char *text)
{
        struct swb_omaha_response *response = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_omaha_response_parse(text, strlen(text), &response, &err), &err);
        return response;
}

static void test_round_trip(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_OMAHA_RESPONSE_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(1000);
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *parsed = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_omaha_data_answer data = {.name = "install", .status = "error-nodata"};
        struct swb_omaha_app_answer apps[2] = {
                {.appid = "{A}",
                 .status = "ok",
                 .cohort = "",
                 .n_events = 2,
                 .has_ping = true,
                 .data = &data,
                 .n_data = 1,
                 .has_offer = true,
                 .offer = {.status = "ok",
                           .poll_interval = 600,
                           .codebases = {"http://a/x", "https://b/"},
                           .n_codebases = 2,
                           .version = "2.0",
                           .has_package = true,
                           .has_postinstall = true,
                           .package = {.name = "p", .size = 77, .hash_sha256 = HEX, .hash = "s"},
                           .postinstall = {.sha256 = BASE64,
                                           .is_delta = true,
                                           .metadata_size = 9,
                                           .metadata_signature = "c2ln",
                                           .deadline = "now",
                                           .max_failures = 3}}},
                {.appid = "b",
                 .status = "ok",
                 .has_offer = true,
                 .offer = {.status = "noupdate", .info = "paused"}},
        };
        struct swb_omaha_response response = {.server = "switchback",
                                              .has_daystart = true,
                                              .elapsed_days = 5,
                                              .apps = apps,
                                              .n_apps = 2};
        const struct swb_omaha_app_answer *app;
        uint8_t digest[32];

        (void)state;
        assert_ok(swb_omaha_response_write(&response, &buf, &err), &err);
        assert_non_null(strstr((char *)buf.data, "elapsed_seconds=\"0\" elapsed_days=\"5\""));
        assert_non_null(strstr((char *)buf.data, "codebase=\"http://a/x/\""));
        assert_non_null(strstr((char *)buf.data, "DisablePayloadBackoff=\"false\""));
        assert_ok(swb_omaha_response_parse(buf.data, buf.n_bytes, &parsed, &err), &err);
        assert_int_equal(parsed->elapsed_days, 5);
        assert_ok(swb_omaha_response_app(parsed, "{A}", true, &app, &err), &err);
        assert_string_equal(app->cohort, "");
        assert_null(app->cohorthint);
        assert_int_equal(app->n_events, 2);
        assert_true(app->has_ping);
        assert_string_equal(app->data[0].status, "error-nodata");
        assert_string_equal(app->offer.version, "2.0");
        assert_int_equal(app->offer.poll_interval, 600);
        assert_int_equal(app->offer.package.size, 77);
        assert_true(app->offer.postinstall.is_delta);
        assert_string_equal(app->offer.postinstall.metadata_signature, "c2ln");
        assert_string_equal(app->offer.postinstall.deadline, "now");
        assert_int_equal(app->offer.postinstall.max_failures, 3);
        assert_int_equal(swb_hex_decode(HEX, digest, sizeof(digest)), 0);
        assert_memory_equal(app->offer.sha256, digest, sizeof(digest));
        assert_int_equal(swb_omaha_offer_url(&app->offer, 1, &url), 0);
        assert_string_equal((char *)url.data, "https://b/p");
        assert_ok(swb_omaha_response_app(parsed, "b", true, &app, &err), &err);
        assert_string_equal(app->offer.info, "paused");
}

/* As Nebraska answers: no trailing slash, base64 in hash_sha256, days missing. */
static void test_foreign_server(void **state)
{
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = parse(
                "<response protocol='3.0' server='nebraska'><daystart elapsed_seconds='0'/>"
                "<app appid='a' status='ok'><updatecheck status='ok'><urls><url "
                "codebase='http://h/d'/></urls>"
                "<manifest version='1'><packages><package name='f' size='5' hash_sha256='" BASE64
                "'/>"
                "<package name='second' size='6'/></packages><actions><action event='install'/>"
                "<action event='postinstall' IsDeltaPayload='True' sha256='" BASE64
                "'/></actions></manifest>"
                "<manifest version='2'><packages><package name='later' "
                "size='1'/></packages></manifest>"
                "</updatecheck></app></response>");
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(1000);
        struct swb_error err = SWB_ERROR_INIT;
        const struct swb_omaha_app_answer *app;

        (void)state;
        assert_ok(swb_omaha_response_app(response, "a", true, &app, &err), &err);
        assert_string_equal(app->offer.version, "1");
        assert_false(app->offer.postinstall.is_delta); /* "True" is not "true" */
        assert_int_equal(swb_omaha_offer_url(&app->offer, 0, &url), 0);
        assert_string_equal((char *)url.data, "http://h/d/f");
}

#define ANSWER(middle) "<response><app appid='a' status='ok'>" middle "</app></response>"
#define OFFER(version, urls, size, hash, action)                                                   \
        ANSWER("<updatecheck status='ok'><urls>" urls "</urls><manifest version='" version "'>"    \
               "<packages><package name='f' size='" size "' hash_sha256='" hash "'/></packages>"   \
               "<actions>" action "</actions></manifest></updatecheck>")
#define A_URL "<url codebase='http://h/'/>"
#define POSTINSTALL "<action event='postinstall'/>"

static void test_refused(void **state)
{
        static const char *const bad[] = {
                "<response/>",
                "<response><app appid='A' status='ok'/></response>", /* another app */
                "<response><app appid='a' status='error-unknownApplication'/></response>",
                "<response><app appid='a'/></response>",
                ANSWER(""), /* check not answered */
                ANSWER("<updatecheck/>"),
                ANSWER("<updatecheck status='error-internal'/>"),
                ANSWER("<updatecheck status='ok'/>"),
                OFFER("", A_URL, "5", HEX, POSTINSTALL),
                OFFER("1", "", "5", HEX, POSTINSTALL),
                OFFER("1", "<url codebase='ftp://h/'/>", "5", HEX, POSTINSTALL),
                OFFER("1", "<url codebase='http://h/&#10;x'/>", "5", HEX, POSTINSTALL),
                OFFER("1", A_URL, "0", HEX, POSTINSTALL),
                OFFER("1", A_URL, "-5", HEX, POSTINSTALL),
                OFFER("1", A_URL, "5", "", POSTINSTALL),
                OFFER("1", A_URL, "5", "zz", POSTINSTALL),
                OFFER("1", A_URL, "5", HEX, ""),
                OFFER("1", A_URL, "5", HEX,
                      "<action event='postinstall' "
                      "sha256='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='/>"),
        };
        const struct swb_omaha_app_answer *app;
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++) {
                _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response =
                        parse(bad[i]);

                assert_fault(swb_omaha_response_app(response, "a", true, &app, &err), &err,
                             SWB_FAULT_PROTOCOL);
        }
}

static void test_limits(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_OMAHA_RESPONSE_MAX_BYTES);
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        struct swb_error err;
        int r = swb_buf_append_str(&buf,
                                   "<response><app appid='a' status='ok'><updatecheck><urls>");

        (void)state;
        for (int i = 0; i < 2 * SWB_OMAHA_URLS_MAX; i++)
                r |= swb_buf_append_str(&buf, A_URL);
        r |= swb_buf_append_str(&buf, "</urls></updatecheck></app></response>");
        assert_int_equal(r, 0);
        response = parse((char *)buf.data);
        assert_int_equal(response->apps[0].offer.n_codebases, SWB_OMAHA_URLS_MAX);
        response = swb_omaha_response_free(response);

        assert_fault(swb_omaha_response_parse(buf.data, SWB_OMAHA_RESPONSE_MAX_BYTES + 1, &response,
                                              &err),
                     &err, SWB_FAULT_LIMIT);
        assert_fault(swb_omaha_response_parse("<html/>", 7, &response, &err), &err,
                     SWB_FAULT_UNSUPPORTED);
        assert_fault(swb_omaha_response_parse("", 0, &response, &err), &err, SWB_FAULT_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_foreign_server),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
