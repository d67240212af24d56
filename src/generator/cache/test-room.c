/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"
#include "generator/cache/room.h"

#define BYTES 4000u /* takes 4096 */

struct folder {
        char path[64];
        int fd;
};

static void folder_make(struct folder *folder)
{
        (void)snprintf(folder->path, sizeof(folder->path), "/tmp/swb-room-XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(folder->fd >= 0);
}

static bool is_there(const struct folder *folder, const char *name)
{
        return faccessat(folder->fd, name, F_OK, 0) == 0;
}

static void add(const struct folder *folder, const char *name, time_t used)
{
        const struct timespec times[2] = {{.tv_sec = used}, {.tv_sec = used}};
        int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, BYTES), 0);
        assert_int_equal(futimens(fd, times), 0);
        (void)close(fd);
}

/* 64 times the digit. */
static const char *entry(char digit, char name[static SWB_CACHE_NAME_BYTES])
{
        memset(name, digit, 64);
        memcpy(name + 64, SWB_CACHE_SUFFIX, sizeof(SWB_CACHE_SUFFIX));
        return name;
}

static void folder_done(const struct folder *folder, const char *const *others, size_t n)
{
        char name[SWB_CACHE_NAME_BYTES];

        for (char digit = '1'; digit <= '9'; digit++)
                (void)unlinkat(folder->fd, entry(digit, name), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(unlinkat(folder->fd, others[i], 0), 0);
        (void)close(folder->fd);
        assert_int_equal(rmdir(folder->path), 0); /* nothing else was left */
}

static void test_the_oldest_go_first(void **state)
{
        char name[SWB_CACHE_NAME_BYTES];
        struct folder folder;
        uint64_t n_bytes = 0;

        (void)state;
        folder_make(&folder);
        add(&folder, entry('1', name), 3000);
        add(&folder, entry('2', name), 1000);
        add(&folder, entry('3', name), 2000);
        add(&folder, entry('4', name), 4000);
        assert_int_equal(swb_cache_make_room(folder.fd, 4 * 4096, &n_bytes), 0);
        assert_int_equal(n_bytes, 4 * 4096);
        assert_int_equal(swb_cache_make_room(folder.fd, 3 * 4096 - 1, &n_bytes), 0);
        assert_int_equal(n_bytes, 2 * 4096);
        assert_true(is_there(&folder, entry('1', name)));
        assert_false(is_there(&folder, entry('2', name)));
        assert_false(is_there(&folder, entry('3', name)));
        assert_true(is_there(&folder, entry('4', name)));
        assert_int_equal(swb_cache_make_room(folder.fd, 0, &n_bytes), 0);
        assert_int_equal(n_bytes, 0);
        folder_done(&folder, NULL, 0);
}

static void test_others_files_stay_and_dead_runs_go(void **state)
{
        static const char *const others[] = {
                "letter.txt", "0123.swbop", "0123456789abcdef0123456789abcdeF.swbnew",
                "fresh.swbnew", "00000000000000000000000000000001.swbnew"};
        static const char dead[] = "0123456789abcdef0123456789abcdef.swbnew";
        struct folder folder;
        uint64_t n_bytes = 1;

        (void)state;
        folder_make(&folder);
        for (size_t i = 0; i < SWB_ELEMENTS(others); i++)
                add(&folder, others[i], i + 1 == SWB_ELEMENTS(others) ? time(NULL) : 1000);
        add(&folder, dead, 1000);
        assert_int_equal(swb_cache_make_room(folder.fd, 0, &n_bytes), 0);
        assert_int_equal(n_bytes, 0);
        assert_false(is_there(&folder, dead));
        folder_done(&folder, others, SWB_ELEMENTS(others));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_oldest_go_first),
                cmocka_unit_test(test_others_files_stay_and_dead_runs_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
