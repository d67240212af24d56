/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-pack/explain.h"

#define DETAIL_BYTES 64

static double percent(double part, double whole)
{
        return whole > 0 ? 100.0 * part / whole : 0;
}

static void list_encoders(unsigned encoders, char text[static SWB_ENCODERS_TEXT_MAX])
{
        size_t n = 0;

        text[0] = '\0';
        for (int i = SWB_ENCODER_NONE + 1; i < _SWB_ENCODER_MAX; i++)
                if (encoders & 1u << i)
                        n += (size_t)snprintf(text + n, SWB_ENCODERS_TEXT_MAX - n, "%s%s",
                                              n > 0 ? " " : "",
                                              swb_encoder_to_string((enum swb_encoder_id)i));
}

/* What a line has room for. */
static void detail(const struct swb_file_cost *cost, char text[static DETAIL_BYTES])
{
        char encoders[SWB_ENCODERS_TEXT_MAX];

        list_encoders(cost->encoders, encoders);
        text[0] = '\0';
        if (cost->n_opened > 0)
                (void)snprintf(text, DETAIL_BYTES, "%.8s %.1f->%.1f MB", encoders,
                               cost->n_stored / 1e6, cost->n_opened / 1e6);
        else if (cost->fields >= 1)
                (void)snprintf(text, DETAIL_BYTES, "%.1f%% of %.0f right",
                               percent(cost->right, cost->fields), cost->fields);
}

static void print_tried(const struct swb_runners_up *tried)
{
        const uint64_t bytes[] = {tried->by_bytes, tried->opened, tried->packed};

        for (size_t i = 0; i < SWB_ELEMENTS(bytes); i++)
                if (bytes[i] > 0)
                        (void)printf(" %11" PRIu64, bytes[i]);
                else
                        (void)printf(" %11s", "-");
}

static void print_file(const struct swb_costs *costs, const struct swb_file_cost *c)
{
        char text[DETAIL_BYTES];

        detail(c, text);
        (void)printf("%11" PRIu64 " %6.2f%% %8" PRIu64, c->bytes,
                     percent((double)c->bytes, (double)costs->bytes), c->fresh_blocks);
        if (costs->has_tried)
                print_tried(&c->tried);
        (void)printf("  %-16s %-22s %s\n", swb_transform_to_string(swb_cost_transform(c)), text,
                     swb_cost_name(c->file));
}

/* Of those that are listed. */
static void print_closed(const struct swb_costs *costs, uint64_t top)
{
        for (size_t i = 0; i < SWB_MIN(costs->n, top); i++) {
                char reason[SWB_CLOSED_TEXT_MAX];

                if (costs->items[i].closed.why == SWB_CLOSED_NOT)
                        continue;
                swb_closed_text(&costs->items[i].closed, reason);
                (void)printf("%s is compared as it is packed: %s\n",
                             swb_cost_name(costs->items[i].file), reason);
        }
}

static void print_transforms(const struct swb_costs *costs)
{
        for (int how = SWB_TRANSFORM_PACKED; how < _SWB_TRANSFORM_MAX; how++) {
                uint64_t bytes = 0, n = 0;

                for (size_t i = 0; i < costs->n; i++) {
                        bytes += costs->items[i].by[how];
                        n += costs->items[i].by[how] > 0;
                }
                if (n > 0)
                        (void)printf("  %-16s %11" PRIu64 " bytes in %" PRIu64 " files\n",
                                     swb_transform_to_string((enum swb_transform)how), bytes, n);
        }
}

/* One line of the account: groups of streams, the rare ones together. */
static void print_row(const struct swb_costs *costs, enum swb_class class, enum swb_lot lot,
                      const char *name)
{
        static const enum swb_account_group columns[] = {SWB_GROUP_CONTROL, SWB_GROUP_DIFFERENCES,
                                                         SWB_GROUP_NEW_BYTES, SWB_GROUP_CORRECTIONS,
                                                         SWB_GROUP_PACKED};
        uint64_t bytes = swb_account_sum(costs->account, class, lot), rest = bytes;

        if (bytes == 0)
                return;
        (void)printf("%11" PRIu64 " %6.2f%%", bytes, percent((double)bytes, (double)costs->bytes));
        for (size_t i = 0; i < SWB_ELEMENTS(columns); i++) {
                uint64_t part = swb_account_of_group(costs->account, class, lot, columns[i]);

                rest -= part;
                (void)printf(" %9" PRIu64, part);
        }
        (void)printf(" %9" PRIu64 "  %s\n", rest, name);
}

static void print_class(const struct swb_costs *costs, enum swb_class class)
{
        char name[64];

        (void)snprintf(name, sizeof(name), "%s (%" PRIu64 ")", swb_class_to_string(class),
                       costs->account->files[class]);
        print_row(costs, class, _SWB_LOT_MAX, name);
        for (int lot = SWB_LOT_WHOLE + 1; lot < _SWB_LOT_MAX; lot++) {
                (void)snprintf(name, sizeof(name), "  %s", swb_lot_to_string((enum swb_lot)lot));
                print_row(costs, class, (enum swb_lot)lot, name);
        }
}

static void print_account(const struct swb_costs *costs)
{
        (void)printf("%11s %7s %9s %9s %9s %9s %9s %9s  %s\n", "bytes", "share", "control",
                     "differ.", "new bytes", "correct.", "packed", "other", "class (files)");
        for (int class = 0; class < _SWB_CLASS_MAX; class ++)
                print_class(costs, (enum swb_class) class);
        print_row(costs, _SWB_CLASS_MAX, _SWB_LOT_MAX, "all");
        (void)printf("%11" PRIu64 " bytes beside: header, list of operations, signatures\n",
                     costs->own_bytes);
        if (costs->other_bytes > 0)
                (void)printf("%11" PRIu64 " bytes for other partitions\n", costs->other_bytes);
}

static void print_fields(const struct swb_costs *costs)
{
        const struct swb_share_kinds *kinds = &costs->kinds;

        for (unsigned i = 0; i < SWB_FIELD_KINDS_MAX; i++) {
                uint64_t bytes = swb_account_of_stream(costs->account, _SWB_CLASS_MAX, _SWB_LOT_MAX,
                                                       SWB_SWD2_CORRECTIONS + i);

                if (kinds->fields[i] > 0)
                        (void)printf("  %-20s %9" PRIu64 " fields, %5.1f%% predicted right, "
                                     "corrections %9" PRIu64 " bytes\n",
                                     swb_predictor_kind((uint8_t)i), kinds->fields[i],
                                     percent((double)kinds->right[i], (double)kinds->fields[i]),
                                     bytes);
        }
}

static double mb(uint64_t bytes)
{
        return (double)bytes / 1e6;
}

static void print_device(const struct swb_costs *costs)
{
        const struct swb_device_cost *d = &costs->device;
        struct swb_device_cost part = {.decoded = d->decoded};
        double whole = swb_device_cost_work(d);
        uint64_t unpacked = 0;

        (void)printf(
                "a device needs at most %.1f MB for one operation, of %.1f that it has: of "
                "all, decoders %.1f,\n  predictor %.1f, entries %.1f, opening %.1f MB at most; "
                "scratch space %.1f MB\n",
                mb(d->total_bytes), mb(SWB_PATCH_MEMORY_BYTES), mb(d->decoder_bytes),
                mb(d->predictor_bytes), mb(d->entry_bytes), mb(d->opening_bytes),
                mb(d->scratch_bytes));
        if (d->n_small_windows > 0)
                (void)printf("  for want of memory: smaller windows in %" PRIu64 " operations\n",
                             d->n_small_windows);
        if (d->n_opened_first > 0)
                (void)printf("  for want of memory: all opened into scratch space first in %" PRIu64
                             " operations\n",
                             d->n_opened_first);
        (void)printf("its work, about: decoding %.1f MB %.0f%%", mb(d->decoded),
                     percent(swb_device_cost_work(&part), whole));
        part = (struct swb_device_cost){.fields = d->fields};
        (void)printf(", predicting %" PRIu64 " fields %.0f%%", d->fields,
                     percent(swb_device_cost_work(&part), whole));
        part = (struct swb_device_cost){0};
        for (size_t i = 0; i < _SWB_PACKING_MAX; i++)
                unpacked += part.unpacked[i] = d->unpacked[i];
        (void)printf(", opening %.1f MB %.0f%%\n", mb(unpacked),
                     percent(swb_device_cost_work(&part), whole));
        for (int i = SWB_ENCODER_NONE + 1; i < _SWB_ENCODER_MAX; i++) {
                part = (struct swb_device_cost){0};
                part.encoded[i] = d->encoded[i];
                if (d->encoded[i] > 0)
                        (void)printf("  and encoding %.1f MB with %s %.0f%%\n", mb(d->encoded[i]),
                                     swb_encoder_to_string((enum swb_encoder_id)i),
                                     percent(swb_device_cost_work(&part), whole));
        }
}

void swb_explain_text(const struct swb_costs *costs, uint64_t top)
{
        (void)printf("%11s %7s %8s", "bytes", "share", "blocks");
        if (costs->has_tried)
                (void)printf(" %11s %11s %11s", "by bytes", "opened", "packed");
        (void)printf("  %-16s %-22s %s\n", "how", "", "file");
        for (size_t i = 0; i < SWB_MIN(costs->n, top); i++)
                print_file(costs, &costs->items[i]);
        (void)printf("%11" PRIu64 " bytes of data in all, %zu files\n", costs->bytes, costs->n);
        print_closed(costs, top);
        print_transforms(costs);
        print_account(costs);
        print_fields(costs);
        if (costs->is_guessed)
                (void)printf("Without --old files of one operation share by copies alone: not "
                             "exact.\n");
        print_device(costs);
}

static void print_runner_up(const char *name, uint64_t bytes, uint64_t than)
{
        if (bytes > 0)
                (void)printf("    %s: %" PRIu64 " bytes, %+.1f%%\n", name, bytes,
                             percent((double)bytes - (double)than, (double)than));
}

static void print_runners_up(const struct swb_file_cost *c)
{
        print_runner_up("byte by byte", c->tried.by_bytes, c->bytes);
        print_runner_up("opened, not predicted", c->tried.opened, c->bytes);
        print_runner_up("packed alone", c->tried.packed, c->bytes);
}

static void print_file_device(const struct swb_file_cost *c)
{
        (void)printf("    on a device: %.1f MB of memory, %.1f MB of scratch space, %s work "
                     "(about %.0f ns a byte)\n",
                     mb(c->memory_bytes), mb(c->scratch_bytes), swb_cpu_to_string(swb_cost_cpu(c)),
                     c->work_ns / ((double)c->blocks * 4096));
}

void swb_explain_file_text(const struct swb_costs *costs, const struct swb_file *file)
{
        const struct swb_file_cost *c = NULL;
        char encoders[SWB_ENCODERS_TEXT_MAX];

        for (size_t i = 0; i < costs->n && !c; i++)
                if (costs->items[i].file == file)
                        c = &costs->items[i];
        if (!c)
                return;
        (void)printf("    %" PRIu64 " bytes, %s", c->bytes,
                     swb_transform_to_string(swb_cost_transform(c)));
        (void)putchar('\n');
        if (costs->has_tried)
                print_runners_up(c);
        list_encoders(c->encoders, encoders);
        if (c->fields >= 1)
                (void)printf("    %.0f addresses, %.1f%% predicted right\n", c->fields,
                             percent(c->right, c->fields));
        if (c->n_opened > 0)
                (void)printf("    opened from %.0f bytes to %.0f, %u deep; encoders: %s\n",
                             c->n_stored, c->n_opened, c->depth, encoders);
        if (c->fresh_blocks > 0)
                print_file_device(c);
}
