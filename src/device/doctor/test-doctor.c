/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "device/doctor/doctor.h"

#define NOW (UINT64_C(1780000000) * 1000000)
#define ENV_BYTES 0x3000 /* copies of 4 KiB at 0 and 8 KiB */
#define SECOND_COPY 0x2000

struct fixture {
        char folder[32];
        char place[128], backend[8];
        char slot_b[96];
        const char *cmdline, *state_dir, *more;
        const char *root;
        uint64_t wall_usec;
        bool awaits_other;
        struct swb_diagnosis *diagnosis; /* of the last look */
};

static char *path_in(const struct fixture *f, const char *name, char path[96])
{
        (void)snprintf(path, 96, "%s/%s", f->folder, name);
        return path;
}

static void put(const struct fixture *f, const char *name, const void *data, size_t n)
{
        char path[96];
        _cleanup_fclose_ FILE *file = fopen(path_in(f, name, path), "w");

        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, n, file), n);
}

static void put_text(const struct fixture *f, const char *name, const char *text)
{
        put(f, name, text, strlen(text));
}

static void resize(const struct fixture *f, const char *name, off_t n_bytes)
{
        char path[96];

        assert_int_equal(truncate(path_in(f, name, path), n_bytes), 0);
}

/* A place that was never written: as flash and as files are. */
static void put_env(const struct fixture *f, uint8_t byte)
{
        uint8_t env[ENV_BYTES];

        memset(env, byte, sizeof(env));
        put(f, "env", env, sizeof(env));
}

static void spoil(const struct fixture *f, off_t offset)
{
        char path[96];
        _cleanup_close_ int fd = open(path_in(f, "env", path), O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "spoilt", 6, offset + 100), 6);
}

static void store_on(const char *backend, const char *place, struct swb_boot_flags flags)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_boot_open(backend, place, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err); /* the other copy, too */
}

static struct swb_boot_flags flags_on(const char *backend, const char *place)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;

        assert_ok(swb_boot_open(backend, place, &boot, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        return flags;
}

static const struct swb_boot_flags good_a = {{{15, 0, true}, {0, 0, false}}};

/* A device on which nothing is wrong. */
static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-doctor-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->place, sizeof(f->place), "%s/env:0:0x2000:0x1000", f->folder);
        (void)snprintf(f->backend, sizeof(f->backend), "uboot");
        (void)path_in(f, "B.img", f->slot_b);
        f->cmdline = "root=/dev/a swb.slot=A swb.boot=1\n";
        f->state_dir = f->folder;
        f->more = "";
        f->root = "/";
        f->wall_usec = NOW;
        put_text(f, "id", "device-1\n");
        put_text(f, "release", "VERSION_ID=1.0\n");
        put_text(f, "A.img", "");
        put_text(f, "B.img", "");
        resize(f, "A.img", 65536);
        resize(f, "B.img", 65536);
        put_env(f, 0);
        store_on(f->backend, f->place, good_a);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        static const char *const names[] = {"id",    "release", "cmdline", "conf",
                                            "A.img", "B.img",   "env",     "flags"};
        struct fixture *f = *state;
        char path[96];

        for (size_t i = 0; i < SWB_ELEMENTS(names); i++)
                (void)unlink(path_in(f, names[i], path));
        assert_int_equal(rmdir(f->folder), 0);
        f->diagnosis = swb_diagnosis_free(f->diagnosis);
        free(f);
        return 0;
}

static struct swb_config *load_config(const struct fixture *f)
{
        _cleanup_free_ char *text = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_config *config = NULL;
        char path[96];

        assert_true(asprintf(&text,
                             "[device]\napp-id = a\ndevice-id-file = %s/id\n"
                             "release-file = %s/release\ncmdline-file = %s/cmdline\n"
                             "state-dir = %s\nbuild-timestamp = 1770000000\n"
                             "[server]\nurl = http://127.0.0.1:9/\n"
                             "[boot]\nbackend = %s\nplace = %s\ntries = 4\n"
                             "[slot.A]\nroot = %s/A.img\n[slot.B]\nroot = %s\n%s",
                             f->folder, f->folder, f->folder, f->state_dir, f->backend, f->place,
                             f->folder, f->slot_b, f->more) > 0);
        put_text(f, "conf", text);
        assert_ok(swb_config_load(path_in(f, "conf", path), &config, &err), &err);
        return config;
}

static void look(struct fixture *f)
{
        struct swb_error err = SWB_ERROR_INIT;
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        struct swb_doctor doctor;

        put_text(f, "cmdline", f->cmdline);
        config = load_config(f);
        doctor = (struct swb_doctor){.config = config,
                                     .root = f->root,
                                     .wall_usec = f->wall_usec,
                                     .writes = true,
                                     .awaits_other = f->awaits_other};
        f->diagnosis = swb_diagnosis_free(f->diagnosis);
        assert_ok(swb_doctor_examine(&doctor, &f->diagnosis, &err), &err);
}

/* The look finds these and nothing else; names end with NULL. */
static void assert_findings(struct fixture *f, const char *const *names)
{
        size_t n = 0;

        look(f);
        for (; names[n]; n++) {
                if (n >= f->diagnosis->n)
                        fail_msg("'%s' is not found", names[n]);
                if (strcmp(f->diagnosis->findings[n].name, names[n]) != 0)
                        fail_msg("'%s' (%s) instead of '%s'", f->diagnosis->findings[n].name,
                                 f->diagnosis->findings[n].text, names[n]);
                assert_true(strlen(f->diagnosis->findings[n].text) > 10);
                assert_true(strlen(f->diagnosis->findings[n].advice) > 10);
        }
        if (f->diagnosis->n > n)
                fail_msg("found, too: '%s' (%s)", f->diagnosis->findings[n].name,
                         f->diagnosis->findings[n].text);
}

#define FINDINGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void assert_refuses(const struct fixture *f, enum swb_fault fault, const char *text)
{
        const struct swb_finding *refusal = swb_diagnosis_refusal(f->diagnosis);

        assert_non_null(refusal);
        assert_int_equal(refusal->fault, fault);
        if (!strstr(refusal->text, text))
                fail_msg("'%s' does not say '%s'", refusal->text, text);
}

static void a_healthy_device_has_no_findings(void **state)
{
        struct fixture *f = *state;

        assert_findings(f, FINDINGS());
        assert_null(swb_diagnosis_refusal(f->diagnosis));
}

/* The flags after the healing: what runs is tried 4 times until the health checks have decided. */
static void assert_healed(struct fixture *f, const char *name)
{
        struct swb_boot_flags flags;

        assert_findings(f, FINDINGS(name));
        assert_int_equal(f->diagnosis->findings[0].severity, SWB_SEVERITY_HEALED);
        assert_null(swb_diagnosis_refusal(f->diagnosis));
        flags = flags_on(f->backend, f->place);
        assert_int_equal(flags.slot[SWB_SLOT_A].priority, 15);
        assert_int_equal(flags.slot[SWB_SLOT_A].tries, 4);
        assert_false(flags.slot[SWB_SLOT_A].successful);
        assert_false(swb_boot_is_candidate(&flags.slot[SWB_SLOT_B]));
        assert_findings(f, FINDINGS());
}

/* A fleet was once lost because a check refused to run where the environment had never been
 * written. */
static void an_environment_that_was_never_written_is_healed(void **state)
{
        struct fixture *f = *state;
        char path[96];

        put_env(f, 0xff); /* erased flash */
        assert_healed(f, "boot-empty");
        put_env(f, 0); /* a fresh disk */
        assert_healed(f, "boot-empty");
        put_text(f, "env", ""); /* a file that U-Boot never made */
        assert_healed(f, "boot-empty");
        assert_int_equal(unlink(path_in(f, "env", path)), 0);
        assert_healed(f, "boot-empty");
}

static void two_bad_copies_are_healed(void **state)
{
        struct fixture *f = *state;

        spoil(f, 0);
        spoil(f, SECOND_COPY);
        assert_healed(f, "boot-empty");
}

static void one_bad_copy_is_rebuilt(void **state)
{
        static const off_t copies[] = {0, SECOND_COPY};
        struct fixture *f = *state;

        for (size_t i = 0; i < SWB_ELEMENTS(copies); i++) {
                struct swb_boot_flags flags;

                spoil(f, copies[i]);
                assert_findings(f, FINDINGS("boot-copy-bad"));
                assert_int_equal(f->diagnosis->findings[0].severity, SWB_SEVERITY_HEALED);
                flags = flags_on(f->backend, f->place);
                assert_int_equal(flags.slot[SWB_SLOT_A].priority, 15);
                assert_true(flags.slot[SWB_SLOT_A].successful);
                assert_findings(f, FINDINGS());
        }
}

/* Somebody stored it with another size than the boot loader and we were built for. */
static void an_environment_of_the_wrong_size_is_healed(void **state)
{
        struct fixture *f = *state;
        char other[128];

        put_env(f, 0);
        resize(f, "env", 0x8000);
        (void)snprintf(other, sizeof(other), "%s/env:0:0x2000:0x2000", f->folder);
        store_on("uboot", other, good_a);
        assert_healed(f, "boot-empty");
        resize(f, "env", SECOND_COPY + 100); /* cut off: the first copy is whole */
        assert_findings(f, FINDINGS("boot-copy-bad"));
        resize(f, "env", 100);
        assert_healed(f, "boot-empty");
}

static void malformed_flags_are_healed(void **state)
{
        struct fixture *f = *state;

        (void)snprintf(f->backend, sizeof(f->backend), "fake");
        (void)snprintf(f->place, sizeof(f->place), "%s/flags", f->folder);
        put_text(f, "flags", "swb_A_priority=99\n");
        assert_healed(f, "boot-malformed");
}

/* A medium that says that it is written, and one that refuses: nothing is healed, updates refused.
 */
static void a_write_protected_medium_is_refused(void **state)
{
        struct fixture *f = *state;
        uint8_t env[ENV_BYTES];
        char path[96];
        _cleanup_close_ int fd = memfd_create("env", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        _cleanup_close_ int whole = open(path_in(f, "env", path), O_RDONLY | O_CLOEXEC);

        assert_int_equal(read(whole, env, sizeof(env)), sizeof(env));
        assert_int_equal(write(fd, env, sizeof(env)), sizeof(env));
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
        (void)snprintf(f->place, sizeof(f->place), "/proc/self/fd/%d:0:0x2000:0x1000", fd);
        assert_findings(f, FINDINGS("boot-unwritable"));
        assert_refuses(f, SWB_FAULT_BOOT, f->place);
}

static void a_write_protected_empty_medium_is_refused(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = memfd_create("env", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_int_equal(ftruncate(fd, ENV_BYTES), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
        (void)snprintf(f->place, sizeof(f->place), "/proc/self/fd/%d:0:0x2000:0x1000", fd);
        assert_findings(f, FINDINGS("boot-unwritable"));
        assert_refuses(f, SWB_FAULT_BOOT, "healing failed");
}

static void a_medium_that_fails_is_refused(void **state)
{
        struct fixture *f = *state;

        (void)snprintf(f->place, sizeof(f->place), "/dev/no-such-disk:0:0x2000:0x1000");
        assert_findings(f, FINDINGS("boot-unreachable"));
        assert_refuses(f, SWB_FAULT_BOOT, "/dev/no-such-disk");
        (void)snprintf(f->backend, sizeof(f->backend), "fake");
        (void)snprintf(f->place, sizeof(f->place), "%s/flags", f->folder);
        store_on(f->backend, f->place, good_a);
        (void)snprintf(f->place, sizeof(f->place), "%s/flags:fail=read", f->folder);
        assert_findings(f, FINDINGS("boot-unreadable"));
        (void)snprintf(f->place, sizeof(f->place), "%s/flags:fail=store", f->folder);
        assert_findings(f, FINDINGS("boot-unwritable"));
}

/* The boot loader may have found nothing to count in: healing comes before the refusal. */
static void without_the_marker_it_heals_and_refuses(void **state)
{
        struct fixture *f = *state;

        put_env(f, 0xff);
        f->cmdline = "swb.slot=A swb.boot=0";
        assert_findings(f, FINDINGS("boot-empty", "tries-ignored"));
        assert_refuses(f, SWB_FAULT_BOOT, "does not count tries");
        f->cmdline = "swb.slot=A";
        assert_findings(f, FINDINGS("tries-ignored"));
}

static void nothing_is_stored_when_the_running_slot_is_not_known(void **state)
{
        struct fixture *f = *state;
        uint8_t env[ENV_BYTES], before[ENV_BYTES];
        char path[96];
        int fd;

        put_env(f, 0xff);
        memset(before, 0xff, sizeof(before));
        f->cmdline = "root=/dev/sda1";
        assert_findings(f, FINDINGS("facts-unknown", "boot-unreadable"));
        assert_refuses(f, SWB_FAULT_CONFIG, "swb.slot=");
        fd = open(path_in(f, "env", path), O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, env, sizeof(env)), sizeof(env));
        assert_memory_equal(env, before, sizeof(env));
        (void)swb_close(fd);
}

static void the_running_system_is_never_the_other_slot(void **state)
{
        struct fixture *f = *state;

        f->root = f->slot_b;
        assert_findings(f, FINDINGS("running-slot-wrong"));
        assert_refuses(f, SWB_FAULT_CONFIG, "write over the running system");
}

static void flags_that_name_the_other_slot_are_a_warning(void **state)
{
        const struct swb_boot_flags to_b = {{{14, 0, true}, {15, 0, true}}};
        struct fixture *f = *state;

        store_on(f->backend, f->place, to_b);
        assert_findings(f, FINDINGS("next-slot-differs"));
        assert_null(swb_diagnosis_refusal(f->diagnosis));
        f->awaits_other = true;
        assert_findings(f, FINDINGS());
}

static void slots_are_looked_at(void **state)
{
        struct fixture *f = *state;
        char path[96];

        resize(f, "B.img", 4096);
        assert_findings(f, FINDINGS("slot-size"));
        assert_null(swb_diagnosis_refusal(f->diagnosis));
        resize(f, "B.img", 0); /* as some installations begin */
        assert_findings(f, FINDINGS());
        assert_int_equal(unlink(path_in(f, "B.img", path)), 0);
        assert_findings(f, FINDINGS()); /* a file is made by the installer */
        (void)snprintf(f->slot_b, sizeof(f->slot_b), "/dev/no-such-partition");
        assert_findings(f, FINDINGS("slot-missing"));
        assert_refuses(f, SWB_FAULT_NOT_FOUND, "slot B");
        (void)snprintf(f->slot_b, sizeof(f->slot_b), "%s", "/tmp");
        assert_findings(f, FINDINGS("slot-unwritable"));
        assert_refuses(f, SWB_FAULT_DENIED, "/tmp");
}

static void clock_and_state_folder_are_looked_at(void **state)
{
        struct fixture *f = *state;

        f->wall_usec = 1000000;
        assert_findings(f, FINDINGS("clock-behind"));
        assert_non_null(strstr(f->diagnosis->findings[0].text, "1970-01-01"));
        assert_null(swb_diagnosis_refusal(f->diagnosis));
        f->wall_usec = UINT64_C(4000000000) * 1000000;
        assert_findings(f, FINDINGS("clock-ahead"));
        f->wall_usec = NOW;
        f->state_dir = "/proc/no-such-folder";
        assert_findings(f, FINDINGS("state-folder"));
        assert_refuses(f, SWB_FAULT_IO, "/proc/no-such-folder");
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_healthy_device_has_no_findings),
                CASE(an_environment_that_was_never_written_is_healed),
                CASE(two_bad_copies_are_healed),
                CASE(one_bad_copy_is_rebuilt),
                CASE(an_environment_of_the_wrong_size_is_healed),
                CASE(malformed_flags_are_healed),
                CASE(a_write_protected_medium_is_refused),
                CASE(a_write_protected_empty_medium_is_refused),
                CASE(a_medium_that_fails_is_refused),
                CASE(without_the_marker_it_heals_and_refuses),
                CASE(nothing_is_stored_when_the_running_slot_is_not_known),
                CASE(the_running_system_is_never_the_other_slot),
                CASE(flags_that_name_the_other_slot_are_a_warning),
                CASE(slots_are_looked_at),
                CASE(clock_and_state_folder_are_looked_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
