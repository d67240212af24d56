/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/points.c - the crash points of a program
 *
 * Linked into programs of the tests (see meson.build), never into what is installed. Its functions
 * stand in for the C library's, for the program and for the libraries it uses: each call that
 * creates, changes, names or syncs a file below SWB_CRASH_ROOT, and each message to another
 * process, is a point. The points of all processes are numbered in the order in which they happen.
 *
 *     SWB_CRASH_ROOT=FOLDER  whose files count
 *     SWB_CRASH_LOG=FILE     what happened, one `struct record` after the other, behind a header;
 *                            made by whoever reads it (crash_log.py), all zeros
 *     SWB_CRASH_KILL=NAME:N  the program of this name is killed before its N-th point, once a log
 *
 * Without SWB_CRASH_LOG the calls do nothing but what they should.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#define PUBLIC __attribute__((visibility("default")))
#define NAME_TEXT 16

_Static_assert(sizeof(long) == 8, "the system calls below take 64-bit offsets in one argument");

enum kind {
        KIND_CREATE = 1, /* path; inode is the new file's */
        KIND_MKDIR,      /* path; inode is the new folder's */
        KIND_WRITE,      /* data at offset of inode */
        KIND_TRUNCATE,   /* inode to size `offset` */
        KIND_PUNCH,      /* zeros, `length` bytes at offset of inode */
        KIND_SYNC,       /* inode, of a file or a folder */
        KIND_RENAME,     /* path to `other` */
        KIND_UNLINK,     /* path */
        KIND_MESSAGE,    /* to another process */
};

struct record {
        uint32_t kind;
        char program[NAME_TEXT];
        uint32_t path_bytes, other_bytes; /* that follow, then the data */
        uint64_t inode, offset, length, data_bytes;
};

struct counter {
        char program[NAME_TEXT];
        uint64_t n;
};

struct log {
        _Atomic uint32_t is_set_up; /* 1: somebody is at it, 2: done */
        uint32_t is_killed;
        uint64_t used; /* bytes of `records` */
        struct counter counters[8];
        pthread_mutex_t mutex;
        uint8_t records[] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct log) == 4096 && sizeof(struct record) == 64, "crash_log.py knows");

static struct {
        struct log *log;
        size_t room; /* for records */
        const char *root;
        dev_t device;
        char program[NAME_TEXT];
        uint64_t kill_at; /* 0: not this program */
        /* Of the C library: which system calls they make depends on the architecture, and a program
         * may have given up the others. */
        int (*rename)(const char *from, const char *to);
        int (*unlink)(const char *path);
        int (*mkdir)(const char *path, mode_t mode);
} own;

/* ---- the log ---- */

static void set_up_mutex(struct log *log)
{
        uint32_t none = 0;
        pthread_mutexattr_t attr;

        if (atomic_compare_exchange_strong(&log->is_set_up, &none, 1)) {
                swb_assert(pthread_mutexattr_init(&attr) == 0);
                swb_assert(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
                swb_assert(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
                swb_assert(pthread_mutex_init(&log->mutex, &attr) == 0);
                atomic_store(&log->is_set_up, 2);
        }
        while (atomic_load(&log->is_set_up) != 2)
                (void)sched_yield();
}

static void read_kill(const char *text)
{
        size_t n = strlen(own.program);

        if (text && strncmp(text, own.program, n) == 0 && text[n] == ':')
                swb_assert(swb_parse_u64(text + n + 1, &own.kill_at) >= 0);
}

/* Before main(), so before the program gives anything up. */
static __attribute__((constructor)) void open_log(void)
{
        const char *path = getenv("SWB_CRASH_LOG");
        struct stat st;
        int fd;

        own.rename = dlsym(RTLD_NEXT, "rename");
        own.unlink = dlsym(RTLD_NEXT, "unlink");
        own.mkdir = dlsym(RTLD_NEXT, "mkdir");
        swb_assert(own.rename && own.unlink && own.mkdir);
        if (!path)
                return;
        own.root = getenv("SWB_CRASH_ROOT");
        swb_assert(own.root && stat(own.root, &st) == 0);
        own.device = st.st_dev;
        (void)snprintf(own.program, sizeof(own.program), "%s", program_invocation_short_name);
        read_kill(getenv("SWB_CRASH_KILL"));
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        swb_assert(fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof(struct log));
        own.log = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        swb_assert(own.log != MAP_FAILED);
        own.room = (size_t)st.st_size - sizeof(struct log);
        (void)syscall(SYS_close, fd);
        set_up_mutex(own.log);
}

static void lock(void)
{
        if (pthread_mutex_lock(&own.log->mutex) == EOWNERDEAD)
                swb_assert(pthread_mutex_consistent(&own.log->mutex) == 0);
}

static void unlock(void)
{
        swb_assert(pthread_mutex_unlock(&own.log->mutex) == 0);
}

static uint64_t count(void)
{
        for (size_t i = 0; i < SWB_ELEMENTS(own.log->counters); i++) {
                struct counter *counter = &own.log->counters[i];

                if (counter->program[0] == '\0')
                        memcpy(counter->program, own.program, sizeof(own.program));
                if (memcmp(counter->program, own.program, sizeof(own.program)) == 0)
                        return ++counter->n;
        }
        swb_assert(false);
        return 0;
}

/* A point is reached. Returns with the log locked, or not at all. */
static void begin(void)
{
        lock();
        if (count() == own.kill_at && !own.log->is_killed) {
                own.log->is_killed = 1;
                (void)kill(getpid(), SIGKILL);
                for (;;)
                        (void)pause();
        }
}

static void append(const void *data, size_t n)
{
        swb_assert(n <= own.room - own.log->used);
        if (n == 0)
                return;
        memcpy(own.log->records + own.log->used, data, n);
        own.log->used += n;
}

/* The call was made. */
static void end(struct record record, const char *path, const char *other, const void *data)
{
        memcpy(record.program, own.program, sizeof(own.program));
        record.path_bytes = path ? (uint32_t)strlen(path) : 0;
        record.other_bytes = other ? (uint32_t)strlen(other) : 0;
        record.data_bytes = data ? record.length : 0;
        append(&record, sizeof(record));
        append(path, record.path_bytes);
        append(other, record.other_bytes);
        append(data, record.data_bytes);
        unlock();
}

/* ---- what counts ---- */

static bool is_below_root(const char *path)
{
        size_t n = own.log ? strlen(own.root) : 0;

        return own.log && strncmp(path, own.root, n) == 0 && path[n] == '/';
}

/* Messages of the log are no part of an update. */
static bool is_counted_file(int fd, struct stat *st)
{
        return own.log && fd > STDERR_FILENO && fstat(fd, st) == 0 && st->st_dev == own.device &&
               (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static bool is_message(int fd)
{
        struct stat st;
        int domain = 0;
        socklen_t n = sizeof(domain);

        if (!own.log || fd == STDERR_FILENO || fstat(fd, &st) < 0)
                return false;
        /* A program that may not even ask has no network. */
        if (S_ISSOCK(st.st_mode))
                return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || domain == AF_UNIX;
        return S_ISFIFO(st.st_mode);
}

static void message(void)
{
        begin();
        end((struct record){.kind = KIND_MESSAGE}, NULL, NULL, NULL);
}

/* ---- the calls ---- */

static long finish(long r)
{
        if (own.log && r < 0) {
                int error = errno;

                unlock();
                errno = error;
        }
        return r;
}

static int open_file(const char *path, int flags, mode_t mode)
{
        struct stat st;
        bool was_there;
        int fd;

        if (!is_below_root(path) || !(flags & (O_CREAT | O_TRUNC)))
                return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        was_there = lstat(path, &st) == 0;
        if (was_there && !(flags & O_TRUNC))
                return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        begin();
        fd = (int)finish(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
        if (fd < 0)
                return fd;
        swb_assert(fstat(fd, &st) == 0);
        end((struct record){.kind = was_there ? KIND_TRUNCATE : KIND_CREATE, .inode = st.st_ino},
            path, NULL, NULL);
        return fd;
}

static mode_t mode_of(int flags, va_list list)
{
        return flags & O_CREAT ? va_arg(list, mode_t) : 0;
}

/* The names that programs call, and those that libraries call. */
#define DEFINE_OPEN(name, symbol)                                                                  \
        PUBLIC int name(const char *path, int flags, ...) __asm__(symbol);                         \
        int name(const char *path, int flags, ...)                                                 \
        {                                                                                          \
                va_list list;                                                                      \
                mode_t mode;                                                                       \
                                                                                                   \
                va_start(list, flags);                                                             \
                mode = mode_of(flags, list);                                                       \
                va_end(list);                                                                      \
                return open_file(path, flags, mode);                                               \
        }

DEFINE_OPEN(crash_open, "open")
DEFINE_OPEN(crash_open64, "open64")

static ssize_t write_at(int fd, const void *data, size_t n, off_t offset)
{
        struct stat st;
        ssize_t r;

        if (!is_counted_file(fd, &st))
                return syscall(SYS_pwrite64, fd, data, n, offset);
        begin();
        r = finish(syscall(SYS_pwrite64, fd, data, n, offset));
        if (r >= 0)
                end((struct record){.kind = KIND_WRITE,
                                    .inode = st.st_ino,
                                    .offset = (uint64_t)offset,
                                    .length = (uint64_t)r},
                    NULL, NULL, data);
        return r;
}

PUBLIC ssize_t crash_pwrite(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");
ssize_t crash_pwrite(int fd, const void *data, size_t n, off_t offset)
{
        return write_at(fd, data, n, offset);
}

PUBLIC ssize_t crash_pwrite64(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite64");
ssize_t crash_pwrite64(int fd, const void *data, size_t n, off_t offset)
{
        return write_at(fd, data, n, offset);
}

PUBLIC ssize_t crash_write(int fd, const void *data, size_t n) __asm__("write");
ssize_t crash_write(int fd, const void *data, size_t n)
{
        struct stat st;
        off_t offset;
        ssize_t r;

        if (is_message(fd))
                message();
        if (!is_counted_file(fd, &st))
                return syscall(SYS_write, fd, data, n);
        begin();
        offset = lseek(fd, 0, SEEK_CUR);
        r = finish(syscall(SYS_write, fd, data, n));
        if (r >= 0)
                end((struct record){.kind = KIND_WRITE,
                                    .inode = st.st_ino,
                                    .offset = (uint64_t)offset,
                                    .length = (uint64_t)r},
                    NULL, NULL, data);
        return r;
}

PUBLIC ssize_t crash_send(int fd, const void *data, size_t n, int flags) __asm__("send");
ssize_t crash_send(int fd, const void *data, size_t n, int flags)
{
        if (is_message(fd))
                message();
        return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

static int truncate_fd(int fd, off_t size)
{
        struct stat st;
        int r;

        if (!is_counted_file(fd, &st))
                return (int)syscall(SYS_ftruncate, fd, size);
        begin();
        r = (int)finish(syscall(SYS_ftruncate, fd, size));
        if (r >= 0)
                end((struct record){.kind = KIND_TRUNCATE,
                                    .inode = st.st_ino,
                                    .offset = (uint64_t)size},
                    NULL, NULL, NULL);
        return r;
}

PUBLIC int crash_ftruncate(int fd, off_t size) __asm__("ftruncate");
int crash_ftruncate(int fd, off_t size)
{
        return truncate_fd(fd, size);
}

PUBLIC int crash_ftruncate64(int fd, off_t size) __asm__("ftruncate64");
int crash_ftruncate64(int fd, off_t size)
{
        return truncate_fd(fd, size);
}

PUBLIC int crash_fallocate64(int fd, int mode, off_t offset, off_t n) __asm__("fallocate64");
int crash_fallocate64(int fd, int mode, off_t offset, off_t n)
{
        struct stat st;
        int r;

        if (!is_counted_file(fd, &st))
                return (int)syscall(SYS_fallocate, fd, mode, offset, n);
        swb_assert(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE));
        begin();
        r = (int)finish(syscall(SYS_fallocate, fd, mode, offset, n));
        if (r >= 0)
                end((struct record){.kind = KIND_PUNCH,
                                    .inode = st.st_ino,
                                    .offset = (uint64_t)offset,
                                    .length = (uint64_t)n},
                    NULL, NULL, NULL);
        return r;
}

static int sync_fd(int fd, long call)
{
        struct stat st;
        int r;

        if (!is_counted_file(fd, &st))
                return (int)syscall(call, fd);
        begin();
        r = (int)finish(syscall(call, fd));
        if (r >= 0)
                end((struct record){.kind = KIND_SYNC, .inode = st.st_ino}, NULL, NULL, NULL);
        return r;
}

PUBLIC int crash_fsync(int fd) __asm__("fsync");
int crash_fsync(int fd)
{
        return sync_fd(fd, SYS_fsync);
}

PUBLIC int crash_fdatasync(int fd) __asm__("fdatasync");
int crash_fdatasync(int fd)
{
        return sync_fd(fd, SYS_fdatasync);
}

PUBLIC int crash_rename(const char *from, const char *to) __asm__("rename");
int crash_rename(const char *from, const char *to)
{
        int r;

        if (!is_below_root(to))
                return own.rename(from, to);
        begin();
        r = (int)finish(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
        if (r >= 0)
                end((struct record){.kind = KIND_RENAME}, from, to, NULL);
        return r;
}

PUBLIC int crash_unlink(const char *path) __asm__("unlink");
int crash_unlink(const char *path)
{
        int r;

        if (!is_below_root(path))
                return own.unlink(path);
        begin();
        r = (int)finish(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
        if (r >= 0)
                end((struct record){.kind = KIND_UNLINK}, path, NULL, NULL);
        return r;
}

PUBLIC int crash_mkdir(const char *path, mode_t mode) __asm__("mkdir");
int crash_mkdir(const char *path, mode_t mode)
{
        struct stat st;
        int r;

        if (!is_below_root(path) || lstat(path, &st) == 0)
                return own.mkdir(path, mode);
        begin();
        r = (int)finish(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
        if (r < 0)
                return r;
        swb_assert(lstat(path, &st) == 0);
        end((struct record){.kind = KIND_MKDIR, .inode = st.st_ino}, path, NULL, NULL);
        return r;
}
