/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/bench.h"

#include <fcntl.h>

#include "base/log.h"
#include "os/command.h"
#include "os/file.h"

#define LOAD_TIMEOUT_USEC (600 * UINT64_C(1000000))
#define EXT4_MAGIC_AT 1080 /* in the superblock, little-endian */

struct round {
        bool has_turn[_SWB_SLOT_MAX];
        bool counts; /* the medium can be read and written */
};

static bool is_candidate(const struct round *round, const struct swb_boot_flags *flags,
                         enum swb_slot slot)
{
        const struct swb_slot_flags *f = &flags->slot[slot];

        return round->has_turn[slot] && swb_boot_is_candidate(f) &&
               (round->counts || f->successful);
}

/* BS-1 and BS-4 among the slots that still have their turn. */
static enum swb_slot choose(const struct round *round, const struct swb_boot_flags *flags,
                            bool *ret_recovery)
{
        struct swb_boot_flags left = *flags;
        bool a = is_candidate(round, flags, SWB_SLOT_A), b = is_candidate(round, flags, SWB_SLOT_B);

        *ret_recovery = !a && !b;
        if (a != b)
                return a ? SWB_SLOT_A : SWB_SLOT_B;
        if (!round->has_turn[SWB_SLOT_A] && !round->has_turn[SWB_SLOT_B])
                return _SWB_SLOT_INVALID;
        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                if (!round->has_turn[i])
                        return swb_slot_other((enum swb_slot)i);
                if (!a) /* recovery: none of them is a candidate */
                        left.slot[i].tries = 0;
        }
        return swb_boot_choose(&left);
}

/* BS-2. false: it could not be stored, so the slot may not be started. */
static bool count_try(const struct swb_bench *bench, struct swb_boot_flags *flags,
                      enum swb_slot slot)
{
        struct swb_boot_flags counted = *flags;
        struct swb_error err = SWB_ERROR_INIT;

        counted.slot[slot].tries--;
        if (swb_boot_store(bench->boot, &counted, &err) < 0) {
                (void)swb_log_failure(SWB_LOG_DEBUG, &err, "count a try");
                return false;
        }
        *flags = counted;
        return true;
}

static bool has_file_system(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t magic[2];

        return fd >= 0 && swb_pread(fd, path, magic, sizeof(magic), EXT4_MAGIC_AT, NULL) >= 0 &&
               magic[0] == 0x53 && magic[1] == 0xef;
}

/* 1 loaded, 0 not, < 0 the command itself can't be run. */
static int load(const struct swb_bench *bench, enum swb_slot slot, struct swb_error *err)
{
        _cleanup_free_ char *line = NULL, *image = NULL;
        struct swb_command_result result;
        int r;

        if (!bench->load_command)
                return has_file_system(bench->image[slot]);
        image = realpath(bench->image[slot], NULL); /* the command starts in "/" */
        if (!image)
                return 0;
        if (asprintf(&line, "%s \"$1\"", bench->load_command) < 0) {
                line = NULL;
                return swb_oom(err);
        }
        r = swb_command_run((const char *const[]){"/bin/sh", "-c", line, "sh", image, NULL},
                            LOAD_TIMEOUT_USEC, &result, err);
        return r < 0 ? r : swb_command_succeeded(&result);
}

/* What a boot loader sees when it comes up. */
static void read_flags(const struct swb_bench *bench, struct round *round,
                       struct swb_bench_result *result)
{
        struct swb_error err = SWB_ERROR_INIT;
        int r = swb_boot_read(bench->boot, &result->before, &err);

        round->counts = r >= 0 || r == -ENODATA || r == -EBADMSG;
        result->fresh = r < 0;
        if (r < 0)
                result->before = (struct swb_boot_flags){.slot = {{2, 3, false}, {1, 3, false}}};
        result->after = result->before;
}

int swb_bench_boot(const struct swb_bench *bench, struct swb_bench_result *ret,
                   struct swb_error *err)
{
        struct round round = {.has_turn = {true, true}};
        struct swb_bench_result result = {0};
        int r;

        read_flags(bench, &round, &result);
        while ((int)(result.slot = choose(&round, &result.after, &result.recovery)) >= 0) {
                if (!result.recovery && !result.after.slot[result.slot].successful &&
                    !count_try(bench, &result.after, result.slot)) {
                        round.counts = false;
                        continue;
                }
                r = load(bench, result.slot, err);
                if (r < 0)
                        return swb_wrap(err, r, "load slot %s", swb_slot_to_string(result.slot));
                if (r > 0) {
                        result.counted = round.counts;
                        *ret = result;
                        return 0;
                }
                round.has_turn[result.slot] = false;
                result.n_lost++;
        }
        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "no slot can be started");
}

int swb_bench_init(const char *backend, const char *place, struct swb_error *err)
{
        static const struct swb_boot_flags factory = {
                .slot = {{SWB_BOOT_PRIORITY_MAX, 0, true}, {0, 0, false}}};
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        int r;

        r = swb_boot_open(backend, place, &boot, err);
        if (r >= 0)
                r = swb_boot_store(boot, &factory, err);
        if (r >= 0)
                r = swb_boot_heal(boot, SWB_SLOT_A, 0, err); /* the second copy */
        return SWB_MIN(r, 0);
}
