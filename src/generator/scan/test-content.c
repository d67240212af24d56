/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <fcntl.h>

#include "base/endian.h"
#include "base/test.h"
#include "generator/scan/content.h"

/*
 * A program of 9 blocks: its head, two of code, three of zeros, which are a hole, one of code, one
 * of relocations, and the list of its sections.
 */
enum { CODE_AT = 1, HOLE_AT = 3, HOLE_BLOCKS = 3, TABLE_AT = 7, SECTIONS_AT = 8, BLOCKS = 9 };
enum { N_SECTIONS = 3, STORED = BLOCKS - HOLE_BLOCKS };

static uint8_t content[BLOCKS * SWB_BLOCK_BYTES];

static void put_le16(uint8_t *at, unsigned value)
{
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)(value >> 8);
}

static void put_section(unsigned number, uint32_t type, uint64_t flags, uint64_t first, uint64_t n)
{
        uint8_t *at = content + SECTIONS_AT * SWB_BLOCK_BYTES + number * sizeof(Elf64_Shdr);

        swb_put_le32(at + 4, type);
        swb_put_le64(at + 8, flags);
        swb_put_le64(at + 24, first * SWB_BLOCK_BYTES);
        swb_put_le64(at + 32, n * SWB_BLOCK_BYTES);
}

static int write_program(void **state _unused_)
{
        memcpy(content, "\177ELF\2\1", 6);
        content[16] = ET_DYN;
        content[18] = EM_X86_64;
        swb_put_le64(content + 40, SECTIONS_AT * SWB_BLOCK_BYTES);
        put_le16(content + 60, N_SECTIONS);
        put_le16(content + 62, N_SECTIONS); /* no names */
        memset(content + CODE_AT * SWB_BLOCK_BYTES, 0x90, 2 * SWB_BLOCK_BYTES);
        memset(content + (HOLE_AT + HOLE_BLOCKS) * SWB_BLOCK_BYTES, 0x90, SWB_BLOCK_BYTES);
        put_section(1, SHT_PROGBITS, SHF_EXECINSTR, CODE_AT, TABLE_AT - CODE_AT);
        put_section(2, SHT_RELA, 0, TABLE_AT, 1);
        return 0;
}

/* The image: the blocks that are no hole, in turn. */
static struct swb_image *store(const char *path)
{
        struct swb_image *image = NULL;
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        for (size_t i = 0; i < BLOCKS; i++)
                if (i < HOLE_AT || i >= HOLE_AT + HOLE_BLOCKS)
                        assert_int_equal(
                                fwrite(content + i * SWB_BLOCK_BYTES, SWB_BLOCK_BYTES, 1, file), 1);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(swb_image_open(path, &image, NULL), 0);
        return image;
}

static void examine(struct swb_hole *holes, size_t n_holes, struct swb_content *ret)
{
        char path[] = "/tmp/test-content-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        _cleanup_(swb_image_freep) struct swb_image *image = store(path);
        struct swb_extent extent = {.start_block = 0, .n_blocks = STORED};
        const struct swb_file file = {.kind = SWB_FILE_REGULAR,
                                      .blocks = {.items = &extent, .n = 1, .n_blocks = STORED},
                                      .holes = holes,
                                      .n_holes = n_holes};

        assert_true(fd >= 0);
        assert_int_equal(swb_content_examine(image, &file, ret, NULL), 0);
        assert_int_equal(unlink(path), 0);
}

static void test_holes_are_counted(void **state _unused_)
{
        struct swb_hole hole = {.before = HOLE_AT, .n_blocks = HOLE_BLOCKS};
        _cleanup_(swb_content_done) struct swb_content found = {0};

        examine(&hole, 1, &found);
        assert_int_equal(found.class, SWB_CONTENT_PROGRAM);
        assert_int_equal(found.n_regions, 2);
        assert_int_equal(found.regions[0].region.kind, SWB_SPLIT_X86);
        assert_int_equal(found.regions[0].start, CODE_AT * SWB_BLOCK_BYTES);
        assert_int_equal(found.regions[0].region.n_bytes, 3 * SWB_BLOCK_BYTES);
        assert_int_equal(found.regions[1].region.kind, SWB_SPLIT_RECORDS);
        assert_int_equal(found.regions[1].start, (TABLE_AT - HOLE_BLOCKS) * SWB_BLOCK_BYTES);
}

/* Whatever is said of holes: nothing is found, or it lies inside the blocks. */
static void test_wrong_holes_do_no_harm(void **state _unused_)
{
        static const struct swb_hole wrong[] = {
                {0, 1},
                {HOLE_AT, HOLE_BLOCKS - 1},
                {HOLE_AT, HOLE_BLOCKS + 1},
                {STORED, HOLE_BLOCKS},
                {STORED + 5, HOLE_BLOCKS},
                {HOLE_AT, UINT32_MAX},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(wrong); i++) {
                _cleanup_(swb_content_done) struct swb_content found = {0};
                struct swb_hole hole = wrong[i];

                examine(&hole, 1, &found);
                for (size_t k = 0; k < found.n_regions; k++)
                        assert_true(found.regions[k].start + found.regions[k].region.n_bytes <=
                                    STORED * SWB_BLOCK_BYTES);
        }
}

/* A table with a hole in it is one up to there. */
static void test_a_table_ends_at_a_hole(void **state _unused_)
{
        struct swb_hole hole = {.before = HOLE_AT, .n_blocks = HOLE_BLOCKS};
        _cleanup_(swb_content_done) struct swb_content found = {0};

        put_section(1, SHT_RELA, 0, CODE_AT, TABLE_AT - CODE_AT);
        examine(&hole, 1, &found);
        assert_int_equal(found.n_regions, 2);
        assert_int_equal(found.regions[0].region.kind, SWB_SPLIT_RECORDS);
        assert_int_equal(found.regions[0].region.n_bytes, 2 * SWB_BLOCK_BYTES / 24 * 24);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_holes_are_counted, write_program),
                cmocka_unit_test_setup(test_wrong_holes_do_no_harm, write_program),
                cmocka_unit_test_setup(test_a_table_ends_at_a_hole, write_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
