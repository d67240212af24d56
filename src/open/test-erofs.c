/* SPDX-License-Identifier: Apache-2.0 */
#include "open/erofs.h"

#include <lz4.h>
#include <lz4hc.h>
#include <string.h>

#include "base/test.h"
#include "open/closer.h"
#include "open/find.h"

#define BLOCK 4096u
#define TEXT_BYTES ((size_t)300 << 10)
#define FIRST_CLUSTER 3u

/* Lines with numbers and some that never come again. */
static uint8_t *make_text(void)
{
        uint8_t *text = malloc(TEXT_BYTES + 64);
        uint32_t state = 7;

        assert_non_null(text);
        for (size_t done = 0; done < TEXT_BYTES;) {
                state = state * 1664525u + 1013904223u;
                done += (size_t)snprintf((char *)text + done, 64, "line of %u words, %u\n",
                                         state >> 24, state >> 9);
        }
        return text;
}

/* An image: superblock, a folder with one file in block 1 and 2, its clusters from block 3 on. */
struct image {
        uint8_t *data;
        size_t n;
        size_t n_clusters;
        bool compact;
};

static void put_le16(uint8_t *p, unsigned value)
{
        p[0] = (uint8_t)value;
        p[1] = (uint8_t)(value >> 8);
}

/* An entry of the index, for a piece of 4 KiB of the file. */
static void put_index(struct image *image, size_t at, size_t i, unsigned type, unsigned offset,
                      uint32_t block)
{
        uint8_t *p;

        if (!image->compact) {
                p = image->data + at + 8 + 8 * i;
                put_le16(p, type);
                put_le16(p + 2, offset);
                swb_put_le32(p + 4, block);
                return;
        }
        p = image->data + at + i / 2 * 8;
        put_le16(p + i % 2 * 2, offset | type << 12);
        if (i % 2 == 0 || swb_get_le32(p + 4) == 0)
                swb_put_le32(p + 4, block - (type == 1));
}

static int make_cluster(const uint8_t *text, int *n, char *out, int level, void *state)
{
        return level ? LZ4_compress_HC_destSize(state, (const char *)text, out, n, BLOCK, level)
                     : LZ4_compress_destSize((const char *)text, out, n, BLOCK);
}

/* As mkfs.erofs does. */
static void add_clusters(struct image *image, size_t index, const uint8_t *text, int level)
{
        _cleanup_free_ void *state = malloc((size_t)LZ4_sizeofStateHC());
        size_t done = 0, next = 0;

        while (done < TEXT_BYTES) {
                int n = (int)(TEXT_BYTES - done), made;
                char out[BLOCK];
                uint32_t block = FIRST_CLUSTER + (uint32_t)image->n_clusters;

                made = make_cluster(text + done, &n, out, level, state);
                assert_true(made > 0);
                memcpy(image->data + (size_t)(block + 1) * BLOCK - made, out, (size_t)made);
                for (; next < done / BLOCK; next++)
                        put_index(image, index, next, 2, 1, block - 1);
                if (next == done / BLOCK)
                        put_index(image, index, next++, 1, done % BLOCK, block);
                image->n_clusters++;
                done += (size_t)n;
        }
        for (; next < TEXT_BYTES / BLOCK; next++)
                put_index(image, index, next, 2, 1, FIRST_CLUSTER + (uint32_t)image->n_clusters);
}

static struct image make_image(bool compact, int level)
{
        struct image image = {.n = 128 * BLOCK, .compact = compact};
        _cleanup_free_ uint8_t *text = make_text();
        uint8_t *p;

        image.data = calloc(1, image.n);
        assert_non_null(image.data);
        p = image.data + 1024;
        swb_put_le32(p, 0xe0f5e1e2);
        p[12] = 12;
        swb_put_le32(p + 36, (uint32_t)(image.n / BLOCK));
        swb_put_le32(p + 40, 1);
        p = image.data + BLOCK; /* slot 0: the folder, inline; its entry behind it */
        put_le16(p, 2 << 1);
        put_le16(p + 4, 0040755);
        swb_put_le32(p + 8, 13);
        swb_put_le32(p + 32, 2);
        put_le16(p + 40, 12);
        p = image.data + BLOCK + 64; /* slot 2: the file */
        put_le16(p, (compact ? 3 : 1) << 1);
        put_le16(p + 4, 0100644);
        swb_put_le32(p + 8, (uint32_t)TEXT_BYTES);
        add_clusters(&image, BLOCK + 64 + 32 + 8, text, level);
        return image;
}

static int append(void *context, const uint8_t *data, size_t n)
{
        return swb_buf_append(context, data, n);
}

static void check_image(bool compact, int level)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        struct image image = make_image(compact, level);
        _cleanup_(swb_found_done) struct swb_found old = {0}, new = {0};
        _cleanup_(swb_closer_freep) struct swb_closer *closer = NULL;
        _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(image.n);

        assert_true(swb_recipe_find(image.data, image.n, SWB_FIND_OLD, &limits, &old) > 0);
        assert_true(swb_recipe_find(image.data, image.n, SWB_FIND_NEW, &limits, &new) > 0);
        assert_int_equal(old.recipe.n_content, image.n);
        assert_int_equal(swb_recipe_encoded(&old.recipe), image.n_clusters * BLOCK);
        assert_int_equal(swb_recipe_encoded(&new.recipe), image.n_clusters * BLOCK);
        assert_int_equal(swb_closer_new(&new.recipe, UINT64_MAX, append, &made, &closer), 0);
        assert_int_equal(swb_closer_put(closer, new.opened.data, new.opened.n_bytes), 0);
        assert_int_equal(swb_closer_finish(closer), 0);
        assert_int_equal(made.n_bytes, image.n);
        assert_memory_equal(made.data, image.data, image.n);
        free(image.data);
}

static void test_images(void **state)
{
        (void)state;
        check_image(false, 9);
        check_image(true, 9);
        check_image(true, 12);
        check_image(true, 0);
}

/* Whatever stands in the metadata: an answer, never a crash. */
static void test_damage(void **state)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        struct image image = make_image(true, 9);

        (void)state;
        for (size_t at = 1024; at < BLOCK + 400; at += at < 1200 ? 1 : 7) {
                _cleanup_(swb_found_done) struct swb_found found = {0};

                if (at == 1200)
                        at = BLOCK;
                image.data[at] ^= 0xff;
                assert_true(swb_recipe_find(image.data, image.n, SWB_FIND_OLD, &limits, &found) >=
                            0);
                image.data[at] ^= 0xff;
        }
        free(image.data);
}

static void test_clusters(void **state)
{
        uint8_t block[2 * BLOCK] = {0}, out[BLOCK];
        size_t n;

        (void)state;
        assert_int_equal(swb_erofs_unpack(block, BLOCK, out, sizeof(out), &n), -EBADMSG);
        memcpy(block + BLOCK - 4,
               "\x30"
               "abc",
               4);
        assert_int_equal(swb_erofs_unpack(block, BLOCK, out, sizeof(out), &n), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(out, "abc", 3);
        assert_int_equal(swb_erofs_unpack(block, BLOCK, out, 2, &n), -EBADMSG);
        assert_int_equal(swb_erofs_unpack(block, 2 * BLOCK, out, sizeof(out), &n), -EBADMSG);
        assert_int_equal(swb_erofs_unpack(block, BLOCK - 1, out, sizeof(out), &n), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_images),
                cmocka_unit_test(test_damage),
                cmocka_unit_test(test_clusters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
