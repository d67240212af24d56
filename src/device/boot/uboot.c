/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flags in a redundant U-Boot environment (wraps libubootenv)
 *
 * Each call opens the environment anew: the library locks it against fw_setenv from open to close,
 * and what is read is what lies on the medium now. The library ignores fsync's result and reads
 * through the page cache, so durability and read-back are assured here.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <libuboot.h>

#include "base/text.h"
#include "device/boot/crc32.h"
#include "device/boot/ops.h"
#include "device/boot/place.h"
#include "device/boot/variables.h"
#include "os/file.h"

/* Where distributions keep U-Boot's compiled-in defaults for a fresh environment. */
#define INITIAL_ENV "/etc/u-boot-initial-env"
/* That of libubootenv and of U-Boot's own fw_setenv. */
#define LOCK_FILE "/var/lock/fw_printenv.lock"
#define LOCK_TRIES 100
#define LOCK_PAUSE_NSEC 100000000
#define HEADER_BYTES 5 /* CRC-32 of the text, little- or big-endian as the CPU is; flags byte */

struct uboot {
        struct uboot_ctx *ctx;
        struct swb_uboot_copy copies[SWB_UBOOT_COPIES];
        char *name; /* for errors */
        char *initial_env;
};

static void uboot_close(void *state)
{
        struct uboot *uboot = state;

        if (!uboot)
                return;
        if (uboot->ctx)
                libuboot_exit(uboot->ctx);
        free(uboot->name);
        free(uboot->initial_env);
        free(uboot);
}

static void closep(struct uboot **uboot)
{
        uboot_close(*uboot);
}

static void leavep(struct uboot_ctx **ctx)
{
        if (*ctx)
                libuboot_close(*ctx);
}

/*
 * A file, not a device, that is missing or too short: U-Boot makes it with its first "saveenv",
 * which may never have been run. 1: it is one, 0: not.
 */
static int is_unmade(const struct swb_uboot_copy *copy)
{
        struct stat st;

        if (stat(copy->device, &st) < 0)
                return errno == ENOENT && !swb_starts_with(copy->device, "/dev/");
        return S_ISREG(st.st_mode) && (uint64_t)st.st_size < copy->offset + copy->n_bytes;
}

static bool has_unmade(const struct uboot *uboot)
{
        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++)
                if (is_unmade(&uboot->copies[i]))
                        return true;
        return false;
}

/* New bytes are 0, so the copy in them is not whole. */
static int make_files(const struct uboot *uboot, struct swb_error *err)
{
        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                const struct swb_uboot_copy *copy = &uboot->copies[i];
                _cleanup_close_ int fd = -EBADF;

                if (!is_unmade(copy))
                        continue;
                fd = open(copy->device, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                if (fd < 0 || ftruncate(fd, (off_t)(copy->offset + copy->n_bytes)) < 0 ||
                    fsync(fd) < 0)
                        return swb_fail(err, -errno, SWB_FAULT_BOOT, "make boot environment %s: %s",
                                        copy->device, strerror(errno));
        }
        return 0;
}

static int configure(struct uboot *uboot, struct swb_error *err)
{
        struct uboot_env_device devices[SWB_UBOOT_COPIES] = {0};
        int r;

        if (uboot->ctx)
                return 0;
        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                struct swb_uboot_copy *copy = &uboot->copies[i];

                if (access(copy->device, R_OK | W_OK) < 0)
                        return swb_fail(err, -errno, SWB_FAULT_BOOT, "boot environment %s: %s",
                                        copy->device, strerror(errno));
                devices[i] = (struct uboot_env_device){
                        .devname = copy->device,
                        .offset = (long long)copy->offset,
                        .envsize = copy->n_bytes,
                        .sectorsize = copy->sector_bytes,
                        .envsectors = copy->n_sectors,
                };
        }
        r = libuboot_initialize(&uboot->ctx, devices);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_BOOT,
                                "boot environment %s: libubootenv does not accept it: %s",
                                uboot->name, strerror(-r));
        return 0;
}

int swb_uboot_open(const char *place, const char *initial_env, void **ret, struct swb_error *err)
{
        _cleanup_(closep) struct uboot *uboot = NULL;
        int r;

        uboot = calloc(1, sizeof(*uboot));
        if (!uboot)
                return swb_oom(err);
        uboot->name = strdup(place);
        uboot->initial_env = strdup(initial_env);
        if (!uboot->name || !uboot->initial_env)
                return swb_oom(err);
        r = swb_uboot_place_parse(place, uboot->copies, err);
        if (r >= 0 && !has_unmade(uboot))
                r = configure(uboot, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(uboot);
        return 0;
}

static int uboot_open(const char *place, void **ret, struct swb_error *err)
{
        return swb_uboot_open(place, INITIAL_ENV, ret, err);
}

/*
 * The library waits for its lock without an end. Whoever holds it for seconds (fw_setenv needs
 * milliseconds) is stuck, and must not get us stuck as well.
 */
static int await_lock(const struct uboot *uboot, struct swb_error *err)
{
        _cleanup_close_ int fd = open(LOCK_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_NSEC};

        if (fd < 0)
                return 0; /* then the library does without, too */
        for (int i = 0; i < LOCK_TRIES; i++) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
                        return 0; /* closing lets it go again */
                (void)nanosleep(&pause, NULL);
        }
        return swb_fail(err, -EBUSY, SWB_FAULT_BOOT,
                        "boot environment %s: another program keeps it locked (" LOCK_FILE ")",
                        uboot->name);
}

/* The library's own answer: also -ENODATA is one. Close it whatever it says. */
static int open_env(struct uboot *uboot, struct swb_error *err)
{
        int r = await_lock(uboot, err);

        if (r < 0)
                return r;
        r = libuboot_open(uboot->ctx);
        if (r == -ENODATA)
                return swb_fail(err, r, SWB_FAULT_BOOT, "%s: neither copy is whole", uboot->name);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_BOOT, "read boot environment %s: %s", uboot->name,
                                strerror(-r));
        return 0;
}

/* A file or block device; MTD goes through the library alone. */
static bool is_plain(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* Lets the next read come from the medium. */
static void drop_cache(int fd, const struct swb_uboot_copy *copy)
{
        (void)posix_fadvise(fd, (off_t)copy->offset, (off_t)copy->n_bytes, POSIX_FADV_DONTNEED);
}

/* 1 whole, 0 not, < 0 can't be read. */
static int copy_is_whole(const struct swb_uboot_copy *copy, struct swb_error *err)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ uint8_t *data = NULL;
        uint32_t stored, crc;
        int r;

        fd = open(copy->device, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return swb_fail(err, -errno, SWB_FAULT_BOOT, "open boot environment %s: %s",
                                copy->device, strerror(errno));
        if (!is_plain(fd))
                return 1;
        drop_cache(fd, copy);
        data = malloc(copy->n_bytes);
        if (!data)
                return swb_oom(err);
        r = swb_pread(fd, copy->device, data, copy->n_bytes, copy->offset, err);
        if (r < 0) {
                if (err)
                        err->fault = SWB_FAULT_BOOT;
                return swb_wrap(err, r, "boot environment");
        }
        crc = swb_crc32(data + HEADER_BYTES, copy->n_bytes - HEADER_BYTES);
        memcpy(&stored, data, sizeof(stored)); /* in the CPU's order, as U-Boot stores it */
        return stored == crc;
}

/* Whole copies, 0 .. 2. */
static int count_whole(const struct uboot *uboot, struct swb_error *err)
{
        int n = 0;

        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                int r = copy_is_whole(&uboot->copies[i], err);

                if (r < 0)
                        return r;
                n += r;
        }
        return n;
}

struct getter {
        struct uboot_ctx *ctx;
        char *value; /* of the last call */
};

static void getter_done(struct getter *getter)
{
        free(getter->value);
}

static const char *get(void *context, const char *name)
{
        struct getter *getter = context;

        free(getter->value);
        getter->value = libuboot_get_env(getter->ctx, name);
        return getter->value;
}

/*
 * The library insists on both files. If one of them was never made, and the other has flags, it is
 * made here, because nothing may be lost: it then is a copy that is not whole.
 */
static int prepare(struct uboot *uboot, struct swb_error *err)
{
        int n_whole = 0;
        int r = 0;

        if (!has_unmade(uboot))
                return configure(uboot, err);
        for (size_t i = 0; r >= 0 && i < SWB_UBOOT_COPIES; i++) {
                if (is_unmade(&uboot->copies[i]))
                        continue;
                r = copy_is_whole(&uboot->copies[i], err);
                n_whole += r > 0;
        }
        if (r < 0)
                return r;
        if (n_whole == 0)
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT,
                                "%s: the file is missing or too short", uboot->name);
        r = make_files(uboot, err);
        return r < 0 ? r : configure(uboot, err);
}

static int uboot_read(void *state, struct swb_boot_flags *ret, struct swb_error *err)
{
        struct uboot *uboot = state;
        _cleanup_(getter_done) struct getter getter = {0};
        _cleanup_(leavep) struct uboot_ctx *opened = NULL;
        int n_whole, r;

        r = prepare(uboot, err);
        if (r < 0)
                return r;
        n_whole = count_whole(uboot, err);
        if (n_whole < 0)
                return n_whole;
        getter.ctx = opened = uboot->ctx;
        r = open_env(uboot, err);
        if (r >= 0)
                r = swb_boot_variables_read(get, &getter, uboot->name, ret, err);
        if (r < 0)
                return r;
        return n_whole < SWB_UBOOT_COPIES ? SWB_BOOT_DEGRADED : 0;
}

/* The library has ignored what fsync said. */
static int sync_copies(const struct uboot *uboot, struct swb_error *err)
{
        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                const struct swb_uboot_copy *copy = &uboot->copies[i];
                _cleanup_close_ int fd = open(copy->device, O_RDONLY | O_CLOEXEC);

                if (fd < 0 || (is_plain(fd) && fsync(fd) < 0))
                        return swb_fail(err, -errno, SWB_FAULT_BOOT, "sync boot environment %s: %s",
                                        copy->device, strerror(errno));
        }
        return 0;
}

/* An environment without a whole copy: U-Boot itself would use its defaults, and once there is a
 * whole one it uses that, so the defaults must go in beside the flags. */
static int load_initial(struct uboot *uboot, struct swb_error *err)
{
        int r;

        if (access(uboot->initial_env, F_OK) < 0)
                return 0;
        r = libuboot_load_file(uboot->ctx, uboot->initial_env);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_BOOT, "read %s: %s", uboot->initial_env,
                                strerror(-r));
        return 0;
}

static int set_flags(struct uboot *uboot, const struct swb_boot_flags *flags, struct swb_error *err)
{
        for (size_t i = 0; i < SWB_BOOT_VARIABLES; i++) {
                const char *name = swb_boot_variable_at(i)->name;
                char value[12];
                int r;

                (void)snprintf(value, sizeof(value), "%u", swb_boot_variable_get(i, flags));
                r = libuboot_set_env(uboot->ctx, name, value);
                if (r < 0)
                        return swb_fail(err, r, SWB_FAULT_BOOT,
                                        "boot environment %s: %s can't be set to %s: %s",
                                        uboot->name, name, value, strerror(-r));
        }
        return 0;
}

static int uboot_store(void *state, const struct swb_boot_flags *flags, struct swb_error *err)
{
        struct uboot *uboot = state;
        _cleanup_(leavep) struct uboot_ctx *opened = NULL;
        int r;

        r = make_files(uboot, err);
        if (r >= 0)
                r = configure(uboot, err);
        if (r < 0)
                return r;
        opened = uboot->ctx;
        r = open_env(uboot, err);
        if (r == -ENODATA) {
                if (err)
                        *err = SWB_ERROR_INIT;
                r = load_initial(uboot, err);
        }
        if (r >= 0)
                r = set_flags(uboot, flags, err);
        if (r < 0)
                return r;
        r = libuboot_env_store(uboot->ctx);
        if (r == -ENOMEM)
                return swb_fail(err, -ENOSPC, SWB_FAULT_BOOT,
                                "boot environment %s: no room for six more variables", uboot->name);
        if (r != 0)
                return swb_fail(err, r, SWB_FAULT_BOOT, "write boot environment %s failed",
                                uboot->name);
        return sync_copies(uboot, err);
}

const struct swb_boot_ops swb_boot_uboot = {
        .name = "uboot",
        .open = uboot_open,
        .close = uboot_close,
        .read = uboot_read,
        .store = uboot_store,
};
