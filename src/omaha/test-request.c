/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as each family of clients writes them; the texts are ours. */
#include "base/test.h"
#include "omaha/request.h"

/* Chrome OS: the first check after a reboot into an update, with a DLC as second app. */
static const char cros[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<request requestid=\"5f3a\" sessionid=\"77aa\" protocol=\"3.0\" "
        "updater=\"ChromeOSUpdateEngine\""
        " updaterversion=\"0.1.0.0\" installsource=\"ondemandupdate\" ismachine=\"1\">\n"
        "    <os version=\"Indy\" platform=\"Chrome OS\" sp=\"15000.1.0_x86_64\"></os>\n"
        "    <app appid=\"{87EFFACE-864D-49A5-9BB3-4B050A7C227A}\" version=\"15000.1.0\""
        " track=\"beta-channel\" from_track=\"stable-channel\" board=\"board-a\""
        " hardware_class=\"CLASS &lt;A&gt;\" delta_okay=\"true\" cohort=\"1:3:\" cohortname=\"\""
        " fingerprint=\"x\" installdate=\"4809\" lang=\"en-US\" _fw.version=\"1\">\n"
        "        <ping active=\"1\" a=\"2\" r=\"-1\"></ping>\n"
        "        <updatecheck targetversionprefix=\"15.\" rollback_allowed=\"true\" ltstag=\"lts\">"
        "</updatecheck>\n"
        "        <event eventtype=\"54\" eventresult=\"1\" previousversion=\"14999.0.0\"></event>\n"
        "    </app>\n"
        "    <app appid=\"{87EFFACE-864D-49A5-9BB3-4B050A7C227A}_dlc\" version=\"0.0.0.0\""
        " delta_okay=\"false\">\n"
        "        <ping ad=\"-1\" rd=\"5000\"></ping><updatecheck></updatecheck>\n"
        "    </app>\n"
        "</request>\n";

static const char flatcar[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<request protocol=\"3.0\" version=\"update_engine-0.4.10\""
        " updaterversion=\"update_engine-0.4.10\" installsource=\"scheduler\" ismachine=\"1\">\n"
        "<os version=\"Chateau\" platform=\"CoreOS\" sp=\"3033.2.0_x86_64\"></os>\n"
        "<app appid=\"{e96281a6-d1af-4bde-9a0a-97b76e56dc57}\" version=\"3033.2.0\" "
        "track=\"stable\""
        " bootid=\"{b}\" oem=\"qemu\" oemversion=\"1\" alephversion=\"3000.0.0\""
        " machineid=\"0123456789abcdef0123456789abcdef\" machinealias=\"\" lang=\"en-US\""
        " board=\"amd64-usr\" hardware_class=\"\" delta_okay=\"false\" >\n"
        "<ping active=\"1\"></ping>\n<updatecheck targetversionprefix=\"\"></updatecheck>\n"
        "<event eventtype=\"3\" eventresult=\"2\" previousversion=\"0.0.0.0\"></event>\n"
        "</app></request>\n";

/* go-omaha: several <os>, numbers as it prints them, flags in the error code. */
static const char go_omaha[] =
        "<request protocol=\"3.0\" userid=\"{u}\" testsource=\"unit\"><os platform=\"linux\"/>"
        "<os platform=\"second\"/><app appid=\"io.example.MyApp\" version=\"1.0.0\" "
        "multi_manifest_ok=\"true\">"
        "<event eventtype=\"3\" eventresult=\"0\" errorcode=\"268437959\"/>"
        "<event eventtype=\"3\" eventresult=\"0\" errorcode=\"-2147483638\"/>"
        "<event eventtype=\"x\" eventresult=\"\" errorcode=\"4294967296\"/>"
        "<data name=\"install\" index=\"a\">text</data><packages><package fp=\"1.ab\"/></packages>"
        "</app></request>";

static struct swb_omaha_request *parse(const char *text)
{
        struct swb_omaha_request *request = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_omaha_request_parse(text, strlen(text), &request, &err), &err);
        return request;
}

static void test_cros(void **state)
{
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *request = parse(cros);
        const struct swb_omaha_app *app = &request->apps[0];

        (void)state;
        assert_string_equal(request->requestid, "5f3a");
        assert_string_equal(request->installsource, "ondemandupdate");
        assert_string_equal(request->os.sp, "15000.1.0_x86_64");
        assert_true(request->ismachine);
        assert_int_equal(request->n_apps, 2);
        assert_string_equal(app->appid, "{87EFFACE-864D-49A5-9BB3-4B050A7C227A}");
        assert_string_equal(app->hardware_class, "CLASS <A>");
        assert_string_equal(app->from_track, "stable-channel");
        assert_true(app->delta_okay);
        assert_string_equal(app->cohort, "1:3:");
        assert_null(app->cohorthint);             /* absent … */
        assert_string_equal(app->cohortname, ""); /* … is not empty */
        assert_string_equal(app->machineid, "");
        assert_true(app->has_ping && app->ping.active);
        assert_int_equal(app->ping.a, 2);
        assert_int_equal(app->ping.r, SWB_OMAHA_DAYS_NEVER);
        assert_int_equal(app->ping.rd, SWB_OMAHA_DAYS_UNKNOWN);
        assert_true(app->has_update_check && app->update_check.rollback_allowed);
        assert_string_equal(app->update_check.targetversionprefix, "15.");
        assert_int_equal(app->n_events, 1);
        assert_int_equal(app->events[0].type, SWB_OMAHA_EVENT_REBOOTED_AFTER_UPDATE);
        assert_string_equal(app->events[0].previousversion, "14999.0.0");
        assert_int_equal(request->apps[1].ping.rd, 5000);
        assert_false(request->apps[1].delta_okay);
}

static void test_flatcar(void **state)
{
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *request = parse(flatcar);

        (void)state;
        assert_int_equal(request->n_apps, 1);
        assert_string_equal(request->apps[0].machineid, "0123456789abcdef0123456789abcdef");
        assert_string_equal(request->apps[0].oem, "qemu");
        assert_string_equal(request->apps[0].events[0].previousversion, "0.0.0.0");
        assert_string_equal(request->requestid, "");
}

static void test_go_omaha(void **state)
{
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *request = parse(go_omaha);
        const struct swb_omaha_app *app = &request->apps[0];

        (void)state;
        assert_string_equal(request->os.platform, "linux");
        assert_string_equal(request->userid, "{u}");
        assert_string_equal(request->testsource, "unit");
        assert_false(app->has_update_check);
        assert_int_equal(app->n_events, 3);
        assert_int_equal(app->events[0].errorcode, 268437959);
        assert_int_equal(app->events[1].errorcode, -2147483638);
        assert_int_equal(app->events[2].errorcode, 0);
        assert_int_equal(app->n_data, 1);
        assert_string_equal(app->data[0].index, "a");
        assert_true(swb_omaha_request_bytes(request) > strlen(go_omaha));
}

static void test_round_trip(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_OMAHA_REQUEST_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf again = SWB_BUF_INIT(SWB_OMAHA_REQUEST_MAX_BYTES);
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *parsed = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_omaha_event event = {.type = 3,
                                        .result = 0,
                                        .errorcode = -5,
                                        .fault = "readback",
                                        .text = "slot \"b\":\n\xc3\xa4",
                                        .slot = "b"};
        struct swb_omaha_app app = {.appid = "{A}",
                                    .version = "1.0",
                                    .machineid = "m",
                                    .track = "beta",
                                    .delta_okay = true,
                                    .cohort = "",
                                    .events = &event,
                                    .n_events = 1,
                                    .has_ping = true,
                                    .ping = SWB_OMAHA_PING_INIT,
                                    .has_update_check = true};
        struct swb_omaha_request request = {
                .updater = "switchback", .requestid = "r", .apps = &app, .n_apps = 1};

        (void)state;
        assert_ok(swb_omaha_request_write(&request, &buf, &err), &err);
        assert_ok(swb_omaha_request_parse(buf.data, buf.n_bytes, &parsed, &err), &err);
        assert_string_equal(parsed->apps[0].events[0].text, "slot \"b\":\n\xc3\xa4");
        assert_int_equal(parsed->apps[0].events[0].errorcode, -5);
        assert_string_equal(parsed->apps[0].events[0].fault, "readback");
        assert_string_equal(parsed->apps[0].cohort, "");
        assert_null(parsed->apps[0].cohorthint);
        assert_int_equal(parsed->apps[0].ping.a, SWB_OMAHA_DAYS_UNKNOWN);
        assert_ok(swb_omaha_request_write(parsed, &again, &err), &err);
        assert_int_equal(buf.n_bytes, again.n_bytes);
        assert_memory_equal(buf.data, again.data, buf.n_bytes);
}

static void check_refused(const char *text, enum swb_fault fault)
{
        struct swb_omaha_request *request = NULL;
        struct swb_error err;

        assert_fault(swb_omaha_request_parse(text, strlen(text), &request, &err), &err, fault);
        assert_null(request);
}

static char *repeat(const char *head, const char *part, int n, const char *tail)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(200000);

        assert_int_equal(swb_buf_append_str(&buf, head), 0);
        for (int i = 0; i < n; i++)
                assert_int_equal(swb_buf_append_str(&buf, part), 0);
        assert_int_equal(swb_buf_append_str(&buf, tail), 0);
        return swb_buf_take_str(&buf);
}

static void test_refused(void **state)
{
        static const char head[] = "<request protocol='3.0'>", app[] = "<app appid='a'/>";
        static const char in_app[] = "<request protocol='3.0'><app appid='a'>";
        _cleanup_free_ char *apps = repeat(head, app, SWB_OMAHA_APPS_MAX + 1, "</request>");
        _cleanup_free_ char *events =
                repeat(in_app, "<event/>", SWB_OMAHA_EVENTS_MAX + 1, "</app></request>");
        _cleanup_free_ char *data =
                repeat(in_app, "<data/>", SWB_OMAHA_DATA_MAX + 1, "</app></request>");
        _cleanup_free_ char *large = repeat(head, "<x/>", 20000, "</request>");

        (void)state;
        check_refused("", SWB_FAULT_FORMAT);
        check_refused("<request/>", SWB_FAULT_UNSUPPORTED);
        check_refused("<request protocol='3.1'/>", SWB_FAULT_UNSUPPORTED);
        check_refused("<o:gupdate xmlns:o='http://www.google.com/update2/request' protocol='2.0'/>",
                      SWB_FAULT_UNSUPPORTED);
        check_refused("<request protocol='3.0'><app/></request>", SWB_FAULT_FORMAT);
        check_refused(apps, SWB_FAULT_LIMIT);
        check_refused(events, SWB_FAULT_LIMIT);
        check_refused(data, SWB_FAULT_LIMIT);
        check_refused(large, SWB_FAULT_LIMIT);
}

static void test_largest(void **state)
{
        _cleanup_free_ char *apps = repeat("<request protocol='3.0'>", "<app appid='a'/>",
                                           SWB_OMAHA_APPS_MAX, "</request>");
        _cleanup_free_ char *events = repeat("<request protocol='3.0'><app appid='a'>", "<event/>",
                                             SWB_OMAHA_EVENTS_MAX, "</app></request>");
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *a = parse(apps);
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *b = parse(events);
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *none =
                parse("<request protocol='3.0'/>");

        (void)state;
        assert_int_equal(a->n_apps, SWB_OMAHA_APPS_MAX);
        assert_int_equal(b->apps[0].n_events, SWB_OMAHA_EVENTS_MAX);
        assert_int_equal(none->n_apps, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cros),     cmocka_unit_test(test_flatcar),
                cmocka_unit_test(test_go_omaha), cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_refused),  cmocka_unit_test(test_largest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
