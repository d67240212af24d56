/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/wire.h"

#include "base/test.h"

static const struct swb_wire_known table[] = {
        {1, SWB_WIRE_VARINT}, {2, SWB_WIRE_BYTES}, {3, SWB_WIRE_FIXED32, .repeated = true}, {0}};

static struct swb_wire wire_of(const char *bytes, size_t n)
{
        return SWB_WIRE("test", table, (const uint8_t *)bytes, n);
}

#define WIRE(literal) wire_of(literal, sizeof(literal) - 1)

static void test_fields(void **state)
{
        /* varint 300, bytes "ab", unknown 9 (varint) 4 (fixed64) 5 (bytes), fixed32 twice */
        struct swb_wire wire = WIRE("\x08\xac\x02\x12\x02"
                                    "ab"
                                    "\x48\x01\x21"
                                    "12345678"
                                    "\x2a\x03"
                                    "xyz"
                                    "\x1d\x01\x00\x00\x00\x1d\x02\x00\x00\x80");
        struct swb_wire_field f;
        struct swb_error err;

        (void)state;
        assert_int_equal(swb_wire_next(&wire, &f, &err), 1);
        assert_int_equal(f.number, 1);
        assert_int_equal(f.value, 300);
        assert_int_equal(swb_wire_next(&wire, &f, &err), 1);
        assert_int_equal(f.number, 2);
        assert_int_equal(f.n_bytes, 2);
        assert_memory_equal(f.data, "ab", 2);
        assert_int_equal(swb_wire_next(&wire, &f, &err), 1);
        assert_int_equal(f.value, 1);
        assert_int_equal(swb_wire_next(&wire, &f, &err), 1);
        assert_int_equal(f.value, 0x80000002);
        assert_int_equal(swb_wire_next(&wire, &f, &err), 0);
        assert_ok(swb_wire_require(&wire, 3, "three", &err), &err);
        assert_fault(swb_wire_require(&wire, 4, "four", &err), &err, SWB_FAULT_FORMAT);
}

static void test_bad(void **state)
{
        const struct swb_wire wires[] = {
                WIRE("\x08"),                                             /* no value */
                WIRE("\x08\xff"),                                         /* cut varint */
                WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* 11 bytes */
                WIRE("\x80"),                                             /* cut tag */
                WIRE("\x00\x01"),                                         /* field 0 */
                WIRE("\x80\x80\x80\x80\x10\x01"),                         /* field 2^29 */
                WIRE("\x12\x03"
                     "ab"), /* bytes cut */
                WIRE("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                WIRE("\x1d\x01\x02\x03"), /* fixed32 cut */
                WIRE("\x21\x01\x02\x03"), /* unknown fixed64 cut */
                WIRE("\x4b"),             /* group */
                WIRE("\x4c"),
                WIRE("\x4e"),             /* wire type 6 */
                WIRE("\x0a\x00"),         /* known, of another type */
                WIRE("\x08\x01\x08\x01"), /* twice */
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(wires); i++) {
                struct swb_wire wire = wires[i];
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_wire_field f;
                int r = 1;

                while (r > 0)
                        r = swb_wire_next(&wire, &f, &err);
                if (r != -EBADMSG || err.fault != SWB_FAULT_FORMAT)
                        fail_msg("message %zu: %d", i, r);
        }
}

static void test_values(void **state)
{
        struct swb_wire wire = WIRE("");
        const struct swb_wire_field big = {.number = 1, .value = (uint64_t)UINT32_MAX + 1};
        const struct swb_wire_field text = {
                .number = 2, .data = (const uint8_t *)"abc", .n_bytes = 3};
        const struct swb_wire_field nul = {
                .number = 2, .data = (const uint8_t *)"a\0c", .n_bytes = 3};
        struct swb_error err;
        uint8_t hash[32];
        uint32_t number;
        char room[4];

        (void)state;
        assert_fault(swb_wire_u32(&wire, &big, &number, &err), &err, SWB_FAULT_FORMAT);
        assert_fault(swb_wire_hash(&wire, &text, hash, &err), &err, SWB_FAULT_FORMAT);
        assert_fault(swb_wire_text(&wire, &nul, room, sizeof(room), &err), &err, SWB_FAULT_FORMAT);
        assert_fault(swb_wire_text(&wire, &text, room, 3, &err), &err, SWB_FAULT_LIMIT);
        assert_ok(swb_wire_text(&wire, &text, room, 4, &err), &err);
        assert_string_equal(room, "abc");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
