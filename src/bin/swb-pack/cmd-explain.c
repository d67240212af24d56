/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-pack/commands.h"
#include "bin/swb-pack/explain.h"
#include "bin/swb-pack/images.h"
#include "device/install/scratch.h"
#include "generator/diff/opened_note.h"
#include "os/file.h"

#define SVG_MAX_BYTES ((size_t)16 << 20)

static struct swb_opt_list files;
static const char *partition_name, *old_path, *svg_path;
static uint64_t top = 40;
static bool as_json, try_others;

const struct swb_opt swb_explain_options[] = {
        {0, "partition", SWB_OPT_STRING, &partition_name, "NAME", false,
         "the partition that NEW is of (default: the first)"},
        {0, "old", SWB_OPT_STRING, &old_path, "IMAGE", false,
         "old image: for exact shares, and to name the files that are read"},
        {0, "file", SWB_OPT_LIST, &files, "PATH", false,
         "tell what happens to this file of NEW, and why (several)"},
        {0, "top", SWB_OPT_U64, &top, "N", false, "list so many files (default 40)"},
        {0, "try", SWB_OPT_FLAG, &try_others, NULL, false,
         "make differences again in other ways, to show what was gained (needs --old)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "as one JSON object, with all files"},
        {0, "svg", SWB_OPT_STRING, &svg_path, "FILE", false,
         "draw a tree map of all files, coloured by what was done"},
        {0},
};

struct explain {
        struct swb_payload_file *payload;
        size_t partition;
        struct swb_image *new, *old;
        struct swb_scan *new_scan, *old_scan;
        struct swb_costs costs;
};

static void explain_done(struct explain *e)
{
        swb_costs_done(&e->costs);
        e->new_scan = swb_scan_free(e->new_scan);
        e->old_scan = swb_scan_free(e->old_scan);
        e->new = swb_image_free(e->new);
        e->old = swb_image_free(e->old);
        e->payload = swb_payload_file_free(e->payload);
}

static int find_partition(struct explain *e, struct swb_error *err)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(e->payload->reader);

        for (e->partition = 0; e->partition < m->n_partitions; e->partition++)
                if (!partition_name ||
                    strcmp(m->partitions[e->partition].name, partition_name) == 0)
                        return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the payload has no partition '%s'",
                        partition_name);
}

static int check_size(const struct explain *e, struct swb_error *err)
{
        const struct swb_partition *p =
                &swb_payload_reader_manifest(e->payload->reader)->partitions[e->partition];

        if (p->new_bytes == e->new->n_bytes && (!e->old || p->old_bytes == e->old->n_bytes))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_SOURCE,
                        "the payload was made from images of another size for partition '%s'",
                        p->name);
}

static int count(struct explain *e, struct swb_error *err)
{
        _cleanup_(swb_scratch_file_done) struct swb_scratch_file scratch = {.fd = -1};
        const struct swb_costs_input input = {.file = e->payload,
                                              .partition = e->partition,
                                              .old = e->old,
                                              .scan = e->new_scan,
                                              .scratch = &scratch.open,
                                              .try_others = try_others};
        const struct swb_manifest *m = swb_payload_reader_manifest(e->payload->reader);
        int r;

        if (try_others && !e->old)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "--try needs --old=IMAGE");
        if (swb_scratch_file_init(&scratch, NULL) < 0)
                return swb_oom(err);
        r = swb_costs_count(&input, &e->costs, err);
        if (r < 0 || !m->partitions[e->partition].has_old)
                return r;
        return swb_costs_find_closed(&e->costs, e->new, err);
}

static int load(struct explain *e, char **args, struct swb_error *err)
{
        int r = swb_payload_file_open(args[0], SWB_PAYLOAD_LOOK, NULL, &e->payload, err);

        if (r == 0)
                r = find_partition(e, err);
        if (r == 0)
                r = swb_image_open(args[1], &e->new, err);
        if (r == 0 && old_path)
                r = swb_image_open(old_path, &e->old, err);
        if (r == 0)
                r = check_size(e, err);
        if (r == 0)
                r = swb_scan_new(e->new, false, &e->new_scan, err);
        if (r == 0 && e->old)
                r = swb_scan_new(e->old, false, &e->old_scan, err);
        return r < 0 ? r : count(e, err);
}

static const char *reason(const struct swb_operation *op, bool is_full)
{
        switch ((enum swb_op_type)op->type) {
        case SWB_OP_ZERO:
        case SWB_OP_DISCARD:
                return "all zeros";
        case SWB_OP_SOURCE_COPY:
                return "the old image has the same blocks";
        case SWB_OP_SOURCE_BSDIFF:
        case SWB_OP_BROTLI_BSDIFF:
        case SWB_OP_SWDIFF:
                return "a difference was smaller than the content packed";
        case SWB_OP_PUFFDIFF:
                return "it holds DEFLATE streams, and their difference was the smallest";
        case SWB_OP_REPLACE:
        case SWB_OP_REPLACE_BZ:
        case SWB_OP_REPLACE_XZ:
        case SWB_OP_REPLACE_ZSTD:
        case SWB_OP_REPLACE_SPLIT:
                return is_full ? "the payload is a full one"
                               : "nothing old is like it, or the difference was no smaller";
        case SWB_OP_MOVE:
        case SWB_OP_BSDIFF:
        case SWB_OP_ZUCCHINI:
        case SWB_OP_LZ4DIFF_BSDIFF:
        case SWB_OP_LZ4DIFF_PUFFDIFF:
                break;
        }
        return "made by another tool";
}

static uint64_t blocks_of(const struct explain *e, const struct swb_operation *op,
                          const struct swb_file *file)
{
        uint64_t n = 0;

        for (size_t i = 0; i < op->n_dst; i++)
                for (uint64_t k = 0; k < op->dst[i].n_blocks; k++) {
                        uint64_t block = op->dst[i].start_block + k;

                        n += op->dst[i].start_block != SWB_SPARSE_HOLE &&
                             block < e->new->n_blocks && &
                                     e->new_scan->files[e->new_scan->owner[block]] == file;
                }
        return n;
}

/* The files that an operation reads, each once, in the order of the extents; the first few. */
static void list_sources(const struct explain *e, const struct swb_operation *op)
{
        size_t last = SIZE_MAX, n = 0;

        for (size_t i = 0; e->old_scan && i < op->n_src && n < 5; i++) {
                size_t owner;

                if (op->src[i].start_block >= e->old->n_blocks)
                        continue;
                owner = e->old_scan->owner[op->src[i].start_block];
                if (owner == last)
                        continue;
                last = owner;
                n++;
                (void)printf("        reads %s\n", swb_cost_name(&e->old_scan->files[owner]));
        }
}

static int explain_file(const struct explain *e, const struct swb_file *file, struct swb_error *err)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(e->payload->reader);

        (void)printf("%s: %" PRIu64 " blocks\n", swb_cost_name(file), file->blocks.n_blocks);
        swb_explain_file_text(&e->costs, file);
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                enum swb_format format;
                size_t of;
                uint64_t n;
                int r = swb_payload_reader_peek(e->payload->reader, number, &op, &of, err);

                if (r <= 0)
                        return r;
                n = of == e->partition ? blocks_of(e, op, file) : 0;
                if (n == 0)
                        continue;
                r = swb_format_of(e->payload, op, &format, err);
                if (r < 0)
                        return r;
                (void)printf("    %" PRIu64 " blocks by operation %zu, %s%s%s, with %" PRIu64
                             " bytes for %" PRIu64 " blocks: %s\n",
                             n, number, swb_op_to_string(op->type),
                             format == SWB_FORMAT_NONE ? "" : " ", swb_format_to_string(format),
                             op->data_length, swb_extents_blocks(op->dst, op->n_dst),
                             reason(op, !m->partitions[of].has_old));
                list_sources(e, op);
        }
}

static int explain_path(const struct explain *e, const char *path, struct swb_error *err)
{
        for (size_t i = 0; i < e->new_scan->n_files; i++) {
                const struct swb_file *file = &e->new_scan->files[i];
                bool is_it = strcmp(file->path, path) == 0;

                for (size_t k = 0; k < file->n_links; k++)
                        is_it |= strcmp(file->links[k], path) == 0;
                if (is_it && file->kind != SWB_FILE_REST)
                        return explain_file(e, file, err);
        }
        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                        "image '%s' has no file '%s' with blocks of its own%s%s", e->new->path,
                        path, e->new_scan->raw ? "; no file system in it can be read " : "",
                        e->new_scan->reason);
}

static int draw(const struct explain *e, const char *title, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf svg = SWB_BUF_INIT(SVG_MAX_BYTES);
        int r = swb_costs_svg(&e->costs, title, &svg);

        if (r < 0)
                return swb_fail_errno(err, r, "draw the tree map");
        return swb_write_file_durable(svg_path, svg.data, svg.n_bytes, 0644, err);
}

/* That of an image of packed files could be much smaller. */
static void tell_packed(const struct explain *e)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(e->payload->reader);
        const char *format = swb_packed_image_format(e->new);
        bool is_opened = false;

        if (!m->partitions[e->partition].has_old)
                return;
        for (size_t i = 0; i < e->costs.n; i++)
                is_opened |= e->costs.items[i].n_opened > 0;
        if (!is_opened && e->costs.n > 0 && swb_is_large_delta(e->new, format, e->costs.bytes))
                (void)printf("the %s image is compared as it is packed, which makes this delta "
                             "large\n",
                             format);
}

int swb_cmd_explain(int n_args _unused_, char **args, struct swb_error *err)
{
        _cleanup_(explain_done) struct explain e = {0};
        int r = load(&e, args, err);

        if (r == 0 && as_json && files.n > 0)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                             "--json has all files: not with --file");
        for (size_t i = 0; i < files.n && r == 0; i++)
                r = explain_path(&e, files.items[i], err);
        if (r == 0 && as_json)
                r = swb_explain_json(&e.costs, err);
        if (r == 0 && files.n == 0 && !as_json)
                swb_explain_text(&e.costs, top);
        if (r == 0 && files.n == 0 && !as_json)
                tell_packed(&e);
        if (r == 0 && svg_path)
                r = draw(&e, args[0], err);
        return r;
}
