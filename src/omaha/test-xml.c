/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "omaha/common.h"
#include "omaha/xml.h"

static int count_element(void *context, const char **attributes, struct swb_error *err)
{
        (void)attributes;
        (void)err;
        (*(int *)context)++;
        return 0;
}

static const struct swb_xml_rule rules[] = {
        {0, "root", 1, NULL},
        {1, "item", 2, count_element},
};

static int parse(const char *text, int *ret_items, struct swb_error *err)
{
        *ret_items = 0;
        return swb_xml_parse(text, strlen(text), rules, SWB_ELEMENTS(rules), ret_items, err);
}

static void test_walk(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        int n;

        (void)state;
        assert_ok(parse("<root><item/><other><item/></other><item><item/></item></root>", &n, &err),
                  &err);
        assert_int_equal(n, 2);
        assert_ok(parse("<?xml version='1.0' encoding='us-ascii'?><root a='&#228;'/>", &n, &err),
                  &err);
        assert_ok(parse("\xef\xbb\xbf<root/>", &n, &err), &err);
}

static void test_refused(void **state)
{
        static const struct {
                const char *text;
                enum swb_fault fault;
        } cases[] = {
                {"", SWB_FAULT_FORMAT},
                {"<root>", SWB_FAULT_FORMAT},
                {"<root/><root/>", SWB_FAULT_FORMAT},
                {"<root a='1' a='2'/>", SWB_FAULT_FORMAT},
                {"<root a='\xff'/>", SWB_FAULT_FORMAT},
                {"<root a='&nbsp;'/>", SWB_FAULT_FORMAT},
                {"<root a='&#0;'/>", SWB_FAULT_FORMAT},
                {"<!DOCTYPE root><root/>", SWB_FAULT_FORMAT},
                {"<!DOCTYPE root [<!ENTITY a 'b'>]><root>&a;</root>", SWB_FAULT_FORMAT},
                {"<!DOCTYPE root SYSTEM 'file:///etc/passwd'><root/>", SWB_FAULT_FORMAT},
                {"<?xml version='1.0' encoding='iso-8859-1'?><root/>", SWB_FAULT_UNSUPPORTED},
                {"<other/>", SWB_FAULT_UNSUPPORTED},
                {"<root><a><b><c><d><e><f><g><h/></g></f></e></d></c></b></a></root>",
                 SWB_FAULT_LIMIT},
        };
        struct swb_error err;
        int n;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++)
                assert_fault(parse(cases[i].text, &n, &err), &err, cases[i].fault);
}

/* expat reads UTF-16 by itself, and its values grow in UTF-8. */
static void test_utf16(void **state)
{
        static const char *const documents[] = {
                "\xff\xfe<\0r\0o\0o\0t\0/\0>\0",
                "\xfe\xff\0<\0r\0o\0o\0t\0/\0>",
                "<\0r\0o\0o\0t\0/\0>\0\0\0",
        };
        struct swb_error err;
        int n;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(documents); i++)
                assert_fault(swb_xml_parse(documents[i], 16, rules, SWB_ELEMENTS(rules), &n, &err),
                             &err, SWB_FAULT_FORMAT);
}

static void test_limits(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100000);
        struct swb_error err = SWB_ERROR_INIT;
        int n;

        (void)state;
        assert_int_equal(swb_buf_append_str(&buf, "<root><item"), 0);
        for (int i = 0; i <= SWB_OMAHA_ATTRIBUTES_MAX; i++)
                assert_int_equal(swb_buf_printf(&buf, " a%d=''", i), 0);
        assert_int_equal(swb_buf_append_str(&buf, "/></root>"), 0);
        assert_fault(parse((char *)buf.data, &n, &err), &err, SWB_FAULT_LIMIT);

        swb_buf_reset(&buf);
        assert_int_equal(swb_buf_printf(&buf, "<root a='%0*d'/>", SWB_OMAHA_ATTRIBUTE_MAX_BYTES, 0),
                         0);
        assert_ok(parse((char *)buf.data, &n, &err), &err);
        swb_buf_reset(&buf);
        assert_int_equal(
                swb_buf_printf(&buf, "<root a='%0*d'/>", SWB_OMAHA_ATTRIBUTE_MAX_BYTES + 1, 0), 0);
        assert_fault(parse((char *)buf.data, &n, &err), &err, SWB_FAULT_LIMIT);
}

static void check_escape(const char *value, const char *want)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_xml_writer w;
        char line[256];

        swb_xml_begin(&w, &buf);
        swb_xml_open(&w, "a");
        swb_xml_put(&w, "b", value);
        swb_xml_close(&w, "a");
        assert_ok(swb_xml_finish(&w, &err), &err);
        assert_int_equal(swb_buf_append(&buf, "", 1), 0);
        (void)snprintf(line, sizeof(line),
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"%s\"/>\n", want);
        assert_string_equal((char *)buf.data, line);
}

static void test_escape(void **state)
{
        (void)state;
        check_escape("plain", "plain");
        check_escape("<&>'\"", "&lt;&amp;&gt;&apos;&quot;");
        check_escape("a\tb\nc", "a&#9;b&#10;c");
        check_escape("\x01\x7f", "&#65533;&#127;");
        check_escape("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "&#228; &#8364; &#128512;");
        check_escape("\xff\xc3", "&#65533;&#65533;");
        check_escape("\xc0\xaf", "&#65533;&#65533;"); /* over-long */
        check_escape("\xed\xa0\x80", "&#65533;");     /* a surrogate */
        check_escape("\xef\xbf\xbe", "&#65533;");     /* U+FFFE */
        check_escape("\xf7\xbf\xbf\xbf", "&#65533;"); /* above U+10FFFF */
}

static void test_writer_limit(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(50);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_xml_writer w;

        (void)state;
        swb_xml_begin(&w, &buf);
        swb_xml_open(&w, "a");
        swb_xml_put(&w, "b", "more than fits");
        swb_xml_close(&w, "a");
        assert_fault(swb_xml_finish(&w, &err), &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_walk),   cmocka_unit_test(test_refused),
                cmocka_unit_test(test_utf16),  cmocka_unit_test(test_limits),
                cmocka_unit_test(test_escape), cmocka_unit_test(test_writer_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
