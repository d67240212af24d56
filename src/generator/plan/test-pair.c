/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/test.h"
#include "generator/plan/pair.h"
#include "os/file.h"

#define FILE_BLOCKS 4u
#define FILES_MAX 32u

static void check_template(const char *path, const char *wanted)
{
        char text[64];

        swb_pair_template(path, text, sizeof(text));
        assert_string_equal(text, wanted);
}

static void test_templates(void **state)
{
        char text[4];

        (void)state;
        check_template("/lib/modules/6.1.0-50-cloud/x.ko", "/lib/modules/#-#-cloud/x.ko");
        check_template("libfoo.so.1.2.3", "libfoo.so.#");
        check_template("libfoo.so.12", "libfoo.so.#");
        check_template("a1.b2.", "a#.b#.");
        check_template("", "");
        swb_pair_template("abcdef", text, sizeof(text));
        assert_string_equal(text, "abc");
}

/* An image in memory with files of FILE_BLOCKS blocks each, one after the other. */
struct side {
        struct swb_image image;
        struct swb_scan scan;
        struct swb_file files[FILES_MAX];
};

/* content: files with the same letter hold the same bytes. */
static void add_file(struct side *side, const char *path, char content)
{
        struct swb_file *file = &side->files[side->scan.n_files];
        uint8_t data[FILE_BLOCKS * SWB_BLOCK_BYTES];
        uint64_t seed = (uint64_t)content * 1000003;
        struct swb_error err = SWB_ERROR_INIT;

        for (size_t i = 0; i < sizeof(data); i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)(seed >> 56);
        }
        *file = (struct swb_file){.path = (char *)path, .kind = SWB_FILE_REGULAR};
        assert_int_equal(swb_extent_list_add(&file->blocks, side->image.n_blocks, FILE_BLOCKS), 0);
        assert_ok(swb_pwrite(side->image.fd, "memory", data, sizeof(data),
                             side->image.n_blocks * SWB_BLOCK_BYTES, &err),
                  &err);
        side->image.n_blocks += FILE_BLOCKS;
        side->scan.n_files++;
}

static void side_init(struct side *side)
{
        *side = (struct side){.image = {.path = (char *)"memory"}};
        side->image.fd = memfd_create("image", MFD_CLOEXEC);
        assert_true(side->image.fd >= 0);
        side->scan = (struct swb_scan){.image = &side->image, .files = side->files};
}

static void side_done(struct side *side)
{
        for (size_t i = 0; i < side->scan.n_files; i++)
                swb_extent_list_done(&side->files[i].blocks);
        (void)swb_close(side->image.fd);
}

static void check_partner(struct side *old, struct side *new, size_t file, const char *wanted)
{
        const struct swb_pool pool = {.n_threads = 2, .memory_bytes = 1 << 30};
        struct swb_error err = SWB_ERROR_INIT;
        uint32_t partners[FILES_MAX];
        bool needed[FILES_MAX] = {false};

        needed[file] = true;
        assert_ok(swb_pair_files(&pool, &old->scan, &new->scan, needed, partners, &err), &err);
        if (!wanted) {
                assert_int_equal(partners[file], SWB_PAIR_NONE);
                return;
        }
        assert_int_not_equal(partners[file], SWB_PAIR_NONE);
        assert_string_equal(old->files[partners[file]].path, wanted);
}

static void test_names_and_content(void **state)
{
        struct side old, new;

        (void)state;
        side_init(&old);
        side_init(&new);
        add_file(&old, "/lib/6.1.0-5/m1.ko", 'a');
        add_file(&old, "/lib/6.1.0-5/m2.ko", 'b');
        add_file(&old, "/lib/6.1.0-5/m3.ko", 'c');
        add_file(&old, "/lib/libz1.so.1", 'd');
        add_file(&old, "/lib/libz2.so.1", 'e');
        add_file(&old, "/etc/name", 'f');
        add_file(&new, "/lib/6.1.0-6/m2.ko", 'X'); /* 0: nothing but names */
        add_file(&new, "/lib/libz2.so.2", 'Y');    /* 1 */
        add_file(&new, "/elsewhere/other", 'c');   /* 2: nothing but content */
        add_file(&new, "/elsewhere/name", 'Z');    /* 3: a last part alone is no pair */
        add_file(&new, "/elsewhere/new", 'W');     /* 4 */
        add_file(&new, "/etc/name", 'a');          /* 5: content is worth more than the name */
        check_partner(&old, &new, 0, "/lib/6.1.0-5/m2.ko");
        check_partner(&old, &new, 1, "/lib/libz2.so.1");
        check_partner(&old, &new, 2, "/lib/6.1.0-5/m3.ko");
        check_partner(&old, &new, 3, NULL);
        check_partner(&old, &new, 4, NULL);
        check_partner(&old, &new, 5, "/lib/6.1.0-5/m1.ko");
        side_done(&old);
        side_done(&new);
}

static void test_every_name_of_a_file_counts(void **state)
{
        struct side old, new;
        char *links[] = {(char *)"/bin/perl"};

        (void)state;
        side_init(&old);
        side_init(&new);
        add_file(&old, "/bin/aaa", 'a');
        old.files[0].links = links;
        old.files[0].n_links = 1;
        add_file(&new, "/bin/perl", 'b');
        check_partner(&old, &new, 0, "/bin/aaa");
        side_done(&old);
        side_done(&new);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_templates),
                cmocka_unit_test(test_names_and_content),
                cmocka_unit_test(test_every_name_of_a_file_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
