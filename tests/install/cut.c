/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/install/cut.c - power cuts for swb-install
 *
 * Linked around the calls with which it changes files (ld's --wrap). Model: what was written is
 * sure to be there only when the file was synced, and a name only when its folder was; until then
 * any sector may be the old or the new one, and names are lost from the last one on.
 *
 *     SWB_CUT_AT=N     at the N-th call the power goes: a state that the model allows, then SIGKILL
 *     SWB_CUT_SEED=N   which of these states
 *     SWB_FAIL_AT=N    the N-th call fails with EIO; a sync that fails loses data as a cut does
 *
 * With several threads the calls come one after the other.
 *
 * Without a cut the number of calls is told at exit, on standard error: "calls: N".
 * Renaming a file that was not synced is a mistake that this program aborts for.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"

#define SECTOR_BYTES ((size_t)512)
#define CHANGES_MAX 4096

enum change_kind {
        CHANGE_DATA,  /* `old` was at `offset` of `fd` */
        CHANGE_BEGUN, /* a new file has content; it is not looked at before its name is */
        CHANGE_NAME,  /* `path` had the content `old`, or was not there (old NULL) */
};

struct change {
        enum change_kind kind;
        dev_t device;
        ino_t inode; /* of the file; of the folder for names */
        int fd;
        off_t offset;
        uint8_t *old;
        size_t n;
        char path[PATH_MAX];
};

static struct {
        bool is_set_up;
        uint64_t cut_at, fail_at, n_calls, random;
        struct change *changes[CHANGES_MAX]; /* not synced, oldest first */
        size_t n;
} state;

ssize_t __real_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __real_fallocate64(int fd, int mode, off_t offset, off_t n);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

static void tell_calls(void)
{
        if (state.n_calls > 0)
                (void)fprintf(stderr, "calls: %ju\n", (uintmax_t)state.n_calls);
}

static void get_number(const char *name, uint64_t *ret)
{
        const char *text = getenv(name);

        if (text)
                swb_assert(swb_parse_u64(text, ret) >= 0);
}

static void set_up(void)
{
        if (state.is_set_up)
                return;
        state.is_set_up = true;
        get_number("SWB_CUT_AT", &state.cut_at);
        get_number("SWB_CUT_SEED", &state.random);
        get_number("SWB_FAIL_AT", &state.fail_at);
        swb_assert(atexit(tell_calls) == 0);
}

static bool toss(void)
{
        state.random = state.random * 6364136223846793005u + 1442695040888963407u;
        return state.random >> 63;
}

/* ---- the cut ---- */

/* Descriptors past the page cache want whole blocks. Return: what to set again. */
static int make_plain(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        swb_assert(flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0);
        return flags;
}

static void undo_data(const struct change *change)
{
        (void)make_plain(change->fd);
        for (size_t at = 0; at < change->n; at += SECTOR_BYTES)
                if (toss())
                        swb_assert(__real_pwrite64(change->fd, change->old + at,
                                                   SWB_MIN(SECTOR_BYTES, change->n - at),
                                                   change->offset + (off_t)at) > 0);
}

static void undo_name(const struct change *change)
{
        int fd;

        if (!change->old) {
                (void)__real_unlink(change->path); /* it may be gone again already */
                return;
        }
        fd = open(change->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        swb_assert(fd >= 0);
        swb_assert(__real_write(fd, change->old, change->n) == (ssize_t)change->n);
        swb_close(fd);
}

static _Noreturn void cut(void)
{
        bool lose_names = true;

        for (size_t i = state.n; i-- > 0;) {
                const struct change *change = state.changes[i];

                if (change->kind == CHANGE_DATA)
                        undo_data(change);
                if (change->kind == CHANGE_NAME) {
                        lose_names = lose_names && toss();
                        if (lose_names)
                                undo_name(change);
                }
        }
        (void)kill(getpid(), SIGKILL);
        for (;;)
                (void)pause();
}

static void count(void)
{
        set_up();
        if (++state.n_calls == state.cut_at)
                cut();
}

/* True when the call that is about to be made has to fail; it then counts as made. */
static bool fails(void)
{
        set_up();
        if (state.n_calls + 1 != state.fail_at)
                return false;
        state.n_calls++;
        errno = EIO;
        return true;
}

/* ---- what is not synced yet ---- */

static struct change *add(enum change_kind kind, const struct stat *st)
{
        struct change *change = calloc(1, sizeof(*change));

        swb_assert(change && state.n < CHANGES_MAX);
        change->kind = kind;
        change->device = st->st_dev;
        change->inode = st->st_ino;
        state.changes[state.n++] = change;
        return change;
}

static bool is_of(const struct change *change, const struct stat *st)
{
        return change->device == st->st_dev && change->inode == st->st_ino;
}

/* `lose`: not because it is safe now, but because the kernel gave up on it. */
static void forget(int fd, bool lose)
{
        struct stat st;
        size_t n = 0;

        swb_assert(fstat(fd, &st) == 0);
        for (size_t i = 0; i < state.n; i++) {
                struct change *change = state.changes[i];

                if (!is_of(change, &st)) {
                        state.changes[n++] = change;
                        continue;
                }
                if (lose && change->kind == CHANGE_DATA)
                        undo_data(change);
                free(change->old);
                free(change);
        }
        state.n = n;
}

/* What [offset, offset + n) holds, as much of it as there is. */
static uint8_t *read_old(int fd, off_t offset, size_t *n)
{
        uint8_t *old = malloc(*n + 1);
        ssize_t got;

        swb_assert(old);
        got = pread(fd, old, *n, offset);
        swb_assert(got >= 0);
        *n = (size_t)got;
        return old;
}

static void remember_data(int fd, off_t offset, size_t n)
{
        int flags = make_plain(fd);
        struct change *change;
        struct stat st;

        swb_assert(fstat(fd, &st) == 0);
        change = add(CHANGE_DATA, &st);
        change->fd = fd;
        change->offset = offset;
        change->n = n;
        change->old = read_old(fd, offset, &change->n);
        swb_assert(fcntl(fd, F_SETFL, flags) == 0);
}

static void remember_name(const char *path)
{
        const char *slash = strrchr(path, '/');
        char folder[PATH_MAX];
        struct change *change;
        struct stat st;
        int fd;

        (void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
                       slash ? path : ".");
        swb_assert(stat(folder, &st) == 0);
        change = add(CHANGE_NAME, &st);
        (void)snprintf(change->path, sizeof(change->path), "%s", path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        swb_assert(fstat(fd, &st) == 0);
        change->n = (size_t)st.st_size;
        change->old = read_old(fd, 0, &change->n);
        swb_close(fd);
}

/* ---- the calls ---- */

static pthread_mutex_t one_call = PTHREAD_MUTEX_INITIALIZER;

static int begin_call(void)
{
        return pthread_mutex_lock(&one_call);
}

static void end_call(const int *begun)
{
        swb_assert(*begun == 0);
        (void)pthread_mutex_unlock(&one_call);
}

#define ONE_CALL _cleanup_(end_call) const int begun _unused_ = begin_call()

ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset)
{
        ONE_CALL;
        ssize_t r;

        if (fails())
                return -1;
        remember_data(fd, offset, n);
        r = __real_pwrite64(fd, data, n, offset);
        count();
        return r;
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t n)
{
        ONE_CALL;
        int r;

        swb_assert(mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE));
        if (fails())
                return -1;
        remember_data(fd, offset, (size_t)n);
        r = __real_fallocate64(fd, mode, offset, n);
        count();
        return r;
}

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
        ONE_CALL;
        struct stat st;
        ssize_t r;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return __real_write(fd, data, n); /* a pipe, a terminal */
        if (fails())
                return -1;
        r = __real_write(fd, data, n);
        (void)add(CHANGE_BEGUN, &st);
        count();
        return r;
}

int __wrap_fsync(int fd)
{
        ONE_CALL;
        int r;

        if (fails())
                return -1;
        count();
        r = __real_fsync(fd);
        if (r == 0)
                forget(fd, false);
        return r;
}

int __wrap_fdatasync(int fd)
{
        ONE_CALL;
        int r;

        if (fails()) {
                forget(fd, true);
                errno = EIO;
                return -1;
        }
        count();
        r = __real_fdatasync(fd);
        if (r == 0)
                forget(fd, false);
        return r;
}

int __wrap_rename(const char *from, const char *to)
{
        ONE_CALL;
        struct stat st;
        int r;

        if (fails())
                return -1;
        swb_assert(stat(from, &st) == 0);
        for (size_t i = 0; i < state.n; i++)
                swb_assert(!is_of(state.changes[i], &st)); /* renamed before it was synced */
        remember_name(to);
        r = __real_rename(from, to);
        count();
        return r;
}

int __wrap_unlink(const char *path)
{
        ONE_CALL;
        int r;

        if (fails())
                return -1;
        remember_name(path);
        r = __real_unlink(path);
        count();
        return r;
}
