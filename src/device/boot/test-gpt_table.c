/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/endian.h"
#include "device/boot/crc32.h"
#include "device/boot/gpt_table.h"

#define SECTOR 512
#define SECTORS 128

static void checksums_are_the_usual_ones(void **state)
{
        (void)state;
        assert_int_equal(swb_crc32("123456789", 9), 0xcbf43926);
        assert_int_equal(swb_crc32("", 0), 0);
        assert_int_equal(swb_crc32_more(swb_crc32("1234", 4), "56789", 5), 0xcbf43926);
}

static void flags_are_where_chrome_os_has_them(void **state)
{
        static const struct {
                struct swb_slot_flags flags;
                uint64_t attributes;
        } cases[] = {
                {{0, 0, false}, 0},
                {{15, 0, false}, UINT64_C(0x000f000000000000)},
                {{0, 15, false}, UINT64_C(0x00f0000000000000)},
                {{0, 0, true}, UINT64_C(0x0100000000000000)},
                {{2, 6, true}, UINT64_C(0x0162000000000000)},
        };
        const uint64_t others = UINT64_C(0xfe00ffffffffffff);

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                uint8_t entry[128] = {0};
                struct swb_slot_flags is;

                swb_put_le64(entry + 48, others | UINT64_C(0x0155000000000000));
                swb_gpt_entry_set_flags(entry, &cases[i].flags);
                assert_int_equal(swb_get_le64(entry + 48), others | cases[i].attributes);
                is = swb_gpt_entry_flags(entry);
                assert_int_equal(is.priority, cases[i].flags.priority);
                assert_int_equal(is.tries, cases[i].flags.tries);
                assert_int_equal(is.successful, cases[i].flags.successful);
        }
}

/* A primary header of 128 entries on a disk of SECTORS. */
static void make_header(uint8_t *sector)
{
        static const uint8_t array[128 * 128];
        struct swb_gpt_header h = {.lba = 1,
                                   .other_lba = SECTORS - 1,
                                   .first_usable = 34,
                                   .last_usable = SECTORS - 34,
                                   .entries_lba = 2,
                                   .n_bytes = 92,
                                   .n_entries = 128,
                                   .entry_bytes = 128};

        memset(sector, 0, SECTOR);
        memcpy(sector, "EFI PART", 8);
        swb_put_le32(sector + 8, 0x10000);
        swb_put_le32(sector + 12, h.n_bytes);
        swb_put_le64(sector + 40, h.first_usable);
        swb_put_le64(sector + 48, h.last_usable);
        swb_put_le32(sector + 80, h.n_entries);
        swb_put_le32(sector + 84, h.entry_bytes);
        swb_gpt_header_store(&h, array, sector);
}

static void reads_a_header(void **state)
{
        uint8_t sector[SECTOR];
        struct swb_gpt_header h;

        (void)state;
        make_header(sector);
        assert_true(swb_gpt_header_parse(sector, SECTOR, 1, SECTORS, &h));
        assert_int_equal(h.other_lba, SECTORS - 1);
        assert_int_equal(h.entries_lba, 2);
        assert_int_equal(swb_gpt_array_bytes(&h), 16384);
        assert_int_equal(swb_gpt_array_sectors(&h, SECTOR), 32);
        assert_false(swb_gpt_header_parse(sector, SECTOR, 2, SECTORS, &h));     /* not its place */
        assert_false(swb_gpt_header_parse(sector, SECTOR, 1, SECTORS - 1, &h)); /* disk too small */
        for (size_t i = 0; i < 92; i++) {
                sector[i] ^= 1;
                if (swb_gpt_header_parse(sector, SECTOR, 1, SECTORS, &h))
                        fail_msg("byte %zu may be wrong", i);
                sector[i] ^= 1;
        }
}

/* Fields that would lead outside of our memory or the disk, or into a partition. */
static void refuses_headers_that_lead_astray(void **state)
{
        static const struct {
                size_t at;
                uint64_t value;
                bool is_32;
        } cases[] = {
                {12, 91, true},
                {12, 513, true},
                {80, 0, true},
                {80, 1025, true},
                {84, 0, true},
                {84, 64, true},
                {84, 129, true},
                {84, 8192, true},
                {84, 4096, true} /* x 128 entries */,
                {32, SECTORS, false},
                {32, 40, false},
                {40, 33, false},
                {40, 100, false},
                {48, SECTORS - 1, false},
                {72, 1, false},
                {72, 3, false},
                {72, UINT64_MAX, false},
                {72, SECTORS, false},
        };
        struct swb_gpt_header h;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                uint8_t sector[SECTOR];

                make_header(sector);
                if (cases[i].is_32)
                        swb_put_le32(sector + cases[i].at, (uint32_t)cases[i].value);
                else
                        swb_put_le64(sector + cases[i].at, cases[i].value);
                if (swb_gpt_header_is_torn(sector, SECTOR, 1, SECTORS, &h))
                        fail_msg("case %zu is accepted", i);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(checksums_are_the_usual_ones),
                cmocka_unit_test(flags_are_where_chrome_os_has_them),
                cmocka_unit_test(reads_a_header),
                cmocka_unit_test(refuses_headers_that_lead_astray),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
