/* SPDX-License-Identifier: Apache-2.0 */
/* Plain documents are read without expat, which must not be seen. */
#include "omaha/xml_plain.h"

#include "base/test.h"
#include "omaha/xml.h"

static int note(void *context, const char **attributes, struct swb_error *err)
{
        const char **first = attributes;
        struct swb_buf *trace = context;

        assert_int_equal(swb_buf_append_str(trace, "<"), 0);
        for (; *attributes; attributes++)
                assert_int_equal(swb_buf_printf(trace, "%zu:%s ", strlen(*attributes), *attributes),
                                 0);
        return swb_xml_attribute(first, "refuse") ? swb_oom(err) : 0;
}

/* What a walk found, and how it ended. expat: as a document that is not plain. */
static int walk(const char *document, size_t n_bytes, bool expat, struct swb_buf *trace)
{
        static const struct swb_xml_rule all[] = {
                {0, "request", 1, note},
                {1, "app", 2, note},
                {2, "ping", 3, note},
                {2, "event", 4, note},
        };
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(100000);
        struct swb_error err = SWB_ERROR_INIT;

        swb_buf_reset(trace);
        assert_int_equal(swb_buf_append(&text, document, n_bytes), 0);
        if (expat)
                assert_int_equal(swb_buf_append_str(&text, "<!-- -->"), 0);
        if (swb_xml_parse(text.data, text.n_bytes, all, SWB_ELEMENTS(all), trace, &err) < 0)
                return err.fault;
        return 0;
}

static void compare(const char *document, size_t n_bytes, size_t *n_good)
{
        _cleanup_(swb_buf_done) struct swb_buf plain = SWB_BUF_INIT(100000);
        _cleanup_(swb_buf_done) struct swb_buf any = SWB_BUF_INIT(100000);
        int fault = walk(document, n_bytes, false, &plain);

        *n_good += fault == 0;
        assert_int_equal(walk(document, n_bytes, true, &any), fault);
        if (fault == 0)
                assert_int_equal(plain.n_bytes, any.n_bytes);
        if (fault == 0 && plain.n_bytes > 0)
                assert_memory_equal(plain.data, any.data, any.n_bytes);
}

static const char *const plain_documents[] = {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request protocol=\"3.0\" a='>'>"
        "<os/> <app appid=\"{x}\"\n version='1'><ping r=\"-1\" ></ping "
        ">\r\n<event/></app></request>\n",
        "<request><app><event a=\"1\" refuse=\"\"/><ping/></app></request>",
        "<request><a><b><app/></b></a><app a.b-c_1=''/></request>",
};

/* Every document of one byte other, less or more. */
static void test_as_expat(void **state)
{
        static const char bytes[] = "<>/='\"& \n\t!?-a1.:\x01\x7f\xc3";
        char text[512];
        size_t n_good = 0;

        (void)state;
        for (size_t d = 0; d < SWB_ELEMENTS(plain_documents); d++) {
                const char *document = plain_documents[d];
                size_t n = strlen(document);

                compare(document, n, &n_good);
                for (size_t at = 0; at < n; at++) {
                        memcpy(text, document, at);
                        memcpy(text + at, document + at + 1, n - at - 1);
                        compare(text, n - 1, &n_good);
                        for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
                                memcpy(text, document, n);
                                text[at] = bytes[i];
                                compare(text, n, &n_good);
                                memcpy(text + at + 1, document + at, n - at);
                                compare(text, n + 1, &n_good);
                        }
                }
        }
        assert_true(n_good > 1000);
}

static void test_plain(void **state)
{
        static const char *const others[] = {
                "",
                " ",
                "<a>",
                "<a/><b/>",
                "<a>x</a>",
                "<a b='&lt;'/>",
                "<a b='1' b='2'/>",
                "<a></b>",
                "<a b=''c=''/>",
                "<a:b/>",
                "<!-- --><a/>",
                "<a b='\t'/>",
                "<a b='\xc3\xa4'/>",
                "<?xml version='1.0'?><a/>",
                "<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
        };
        struct swb_xml_plain plain;
        char text[512];

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(plain_documents); i++) {
                (void)snprintf(text, sizeof(text), "%s", plain_documents[i]);
                assert_true(swb_xml_plain_read(&plain, text));
        }
        for (size_t i = 0; i < SWB_ELEMENTS(others); i++) {
                (void)snprintf(text, sizeof(text), "%s", others[i]);
                assert_false(swb_xml_plain_read(&plain, text));
        }
}

/* More than there is room for goes to expat. */
static void test_plain_is_full(void **state)
{
        static const char *const pieces[] = {"<app/>",
                                             "<app><event a='' b='' c='' d='' e=''/></app>"};
        size_t n_good = 0;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(pieces); i++)
                for (size_t n = 30; n < 140; n++) {
                        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100000);

                        assert_int_equal(swb_buf_append_str(&buf, "<request>"), 0);
                        for (size_t k = 0; k < n; k++)
                                assert_int_equal(swb_buf_append_str(&buf, pieces[i]), 0);
                        assert_int_equal(swb_buf_append_str(&buf, "</request>"), 0);
                        compare((char *)buf.data, buf.n_bytes, &n_good);
                }
        assert_int_equal(n_good, 220);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_expat),
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_plain_is_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
