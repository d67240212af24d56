/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-bench-boot/boot.h"
#include "device/boot/bench.h"
#include "os/file.h"

static int parse_slots(const struct boot_options *options, struct swb_bench *bench,
                       struct swb_error *err)
{
        for (size_t i = 0; i < options->slots.n; i++) {
                const char *text = options->slots.items[i];
                char name[2] = {text[0], '\0'};
                enum swb_slot slot = swb_slot_from_string(name);

                if ((int)slot < 0 || text[1] != '=' || !text[2])
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --slot: '%s' is neither A=IMAGE nor B=IMAGE", text);
                if (bench->image[slot])
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --slot: slot %s is given twice", name);
                bench->image[slot] = text + 2;
        }
        for (int i = 0; i < _SWB_SLOT_MAX; i++)
                if (!bench->image[i])
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --slot: slot %s is missing",
                                        swb_slot_to_string((enum swb_slot)i));
        return 0;
}

static int write_cmdline(const char *path, const struct swb_bench *bench,
                         const struct swb_bench_result *result, struct swb_error *err)
{
        _cleanup_free_ char *line = NULL;
        int n;

        n = asprintf(&line, "root=%s swb.slot=%s swb.boot=%d\n", bench->image[result->slot],
                     swb_slot_to_string(result->slot), result->counted);
        if (n < 0) {
                line = NULL;
                return swb_oom(err);
        }
        return swb_write_file_durable(path, line, (size_t)n, 0644, err);
}

static void print(const struct swb_bench_result *result)
{
        const struct swb_slot_flags *a = &result->before.slot[SWB_SLOT_A];
        const struct swb_slot_flags *b = &result->before.slot[SWB_SLOT_B];
        const struct swb_slot_flags *chosen = &result->after.slot[result->slot];

        (void)printf("swb: A %u/%u/%d B %u/%u/%d -> booting slot %s", a->priority, a->tries,
                     a->successful, b->priority, b->tries, b->successful,
                     swb_slot_to_string(result->slot));
        if (result->recovery)
                (void)printf(", recovery");
        else if (!chosen->successful)
                (void)printf(", %u tries left", chosen->tries);
        if (result->fresh)
                (void)printf(", no flags were there");
        if (!result->counted)
                (void)printf(", tries can't be counted");
        if (result->n_lost)
                (void)printf(", %u slot could not be started", result->n_lost);
        (void)printf("\n");
}

static int boot(const struct boot_options *options, struct swb_error *err)
{
        _cleanup_(swb_boot_closep) struct swb_boot *flags = NULL;
        struct swb_bench bench = {.load_command = options->load_command};
        struct swb_bench_result result;
        int r;

        r = parse_slots(options, &bench, err);
        if (r >= 0)
                r = swb_boot_open(options->backend, options->place, &flags, err);
        if (r < 0)
                return r;
        bench.boot = flags;
        r = swb_bench_boot(&bench, &result, err);
        if (r < 0)
                return r;
        print(&result);
        if (options->cmdline)
                r = write_cmdline(options->cmdline, &bench, &result, err);
        return r < 0 ? r : SWB_EXIT_OK;
}

int boot_run(const struct boot_options *options, struct swb_error *err)
{
        int r;

        if (!options->init)
                return boot(options, err);
        r = swb_bench_init(options->backend, options->place, err);
        return r < 0 ? r : SWB_EXIT_OK;
}
