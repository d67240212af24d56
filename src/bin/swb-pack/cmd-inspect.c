/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "bin/swb-pack/commands.h"
#include "generator/explain/blob.h"

#define JSON_MAX_BYTES ((size_t)256 << 20)
#define OPERATION_TEXT 48 /* "SWDIFF SWO1+SWD2" */

static bool as_json, with_operations;

const struct swb_opt swb_inspect_options[] = {
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "as one JSON object"},
        {0, "operations", SWB_OPT_FLAG, &with_operations, NULL, false, "list every operation"},
        {0},
};

struct facts {
        struct swb_payload_file *file;
        const struct swb_manifest *manifest;
        struct swb_signature signatures[SWB_KEYS_MAX];
        size_t n_signatures;
};

static void json_side(struct swb_json *json, const char *name, uint64_t n_bytes,
                      const uint8_t *hash)
{
        char hex[SWB_SHA256_HEX];

        swb_hex_encode(hash, SWB_SHA256_BYTES, hex);
        swb_json_open_object(json, name);
        swb_json_u64(json, "size", n_bytes);
        swb_json_str(json, "sha256", hex);
        swb_json_close_object(json);
}

static int json_tallies(struct swb_json *json, const struct facts *f, size_t partition,
                        struct swb_error *err)
{
        struct swb_operation_tally tallies[SWB_TALLIES_MAX];
        int n = swb_payload_file_tally(f->file, partition, tallies, err);

        swb_json_open_object(json, "operation_types");
        for (int i = 0; i < n; i++) {
                swb_json_open_object(json, swb_op_to_string(tallies[i].type));
                swb_json_u64(json, "count", tallies[i].count);
                swb_json_u64(json, "bytes", tallies[i].data_bytes);
                swb_json_u64(json, "blocks", tallies[i].target_blocks);
                swb_json_close_object(json);
        }
        swb_json_close_object(json);
        return n < 0 ? n : 0;
}

/* Differences in our own formats; nothing where there are none. */
static int json_formats(struct swb_json *json, const struct facts *f, size_t partition,
                        struct swb_error *err)
{
        struct swb_format_tally tallies[_SWB_FORMAT_MAX];
        int r = swb_formats_count(f->file, partition, tallies, err);

        swb_json_open_object(json, "formats");
        for (int i = SWB_FORMAT_NONE + 1; i < _SWB_FORMAT_MAX && r == 0; i++) {
                if (tallies[i].count == 0)
                        continue;
                swb_json_open_object(json, swb_format_to_string((enum swb_format)i));
                swb_json_u64(json, "count", tallies[i].count);
                swb_json_u64(json, "bytes", tallies[i].bytes);
                swb_json_close_object(json);
        }
        swb_json_close_object(json);
        return r;
}

static void json_extents(struct swb_json *json, const char *name, const struct swb_extent *extents,
                         size_t n)
{
        swb_json_open_array(json, name);
        for (size_t i = 0; i < n; i++) {
                swb_json_open_array(json, NULL);
                swb_json_u64(json, NULL, extents[i].start_block);
                swb_json_u64(json, NULL, extents[i].n_blocks);
                swb_json_close_array(json);
        }
        swb_json_close_array(json);
}

static int json_operation(struct swb_json *json, const struct facts *f,
                          const struct swb_operation *op, struct swb_error *err)
{
        char hex[SWB_SHA256_HEX];
        enum swb_format format;
        int r = swb_format_of(f->file, op, &format, err);

        if (r < 0)
                return r;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "type", swb_op_to_string(op->type));
        swb_json_u64(json, "type_number", op->type);
        if (format != SWB_FORMAT_NONE)
                swb_json_str(json, "format", swb_format_to_string(format));
        if (op->data_length) {
                swb_json_u64(json, "data_offset", op->data_offset);
                swb_json_u64(json, "data_length", op->data_length);
        }
        if (op->has_data_hash) {
                swb_hex_encode(op->data_hash, SWB_SHA256_BYTES, hex);
                swb_json_str(json, "data_sha256", hex);
        }
        if (op->has_src_hash) {
                swb_hex_encode(op->src_hash, SWB_SHA256_BYTES, hex);
                swb_json_str(json, "source_sha256", hex);
        }
        if (op->has_dst_hash) {
                swb_hex_encode(op->dst_hash, SWB_SHA256_BYTES, hex);
                swb_json_str(json, "target_sha256", hex);
        }
        json_extents(json, "source", op->src, op->n_src);
        json_extents(json, "target", op->dst, op->n_dst);
        swb_json_close_object(json);
        return 0;
}

static int json_operations(struct swb_json *json, const struct facts *f, size_t partition,
                           struct swb_error *err)
{
        int r = 0;

        swb_json_open_array(json, "operations");
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;

                r = swb_payload_reader_peek(f->file->reader, number, &op, &of, err);
                if (r <= 0)
                        break;
                if (of == partition)
                        r = json_operation(json, f, op, err);
                if (r < 0)
                        break;
        }
        swb_json_close_array(json);
        return r;
}

static int json_partition(struct swb_json *json, const struct facts *f, size_t index,
                          struct swb_error *err)
{
        const struct swb_partition *p = &f->manifest->partitions[index];
        int r;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", p->name);
        if (*p->version)
                swb_json_str(json, "version", p->version);
        if (p->has_new)
                json_side(json, "target", p->new_bytes, p->new_hash);
        if (p->has_old)
                json_side(json, "source", p->old_bytes, p->old_hash);
        if (p->has_tree)
                swb_json_u64(json, "hash_tree_blocks", p->tree.tree.n_blocks);
        if (p->has_fec)
                swb_json_u64(json, "fec_blocks", p->fec.fec.n_blocks);
        r = json_tallies(json, f, index, err);
        if (r == 0)
                r = json_formats(json, f, index, err);
        if (r == 0 && with_operations)
                r = json_operations(json, f, index, err);
        swb_json_close_object(json);
        return r;
}

static int write_json(struct swb_json *json, const struct facts *f, struct swb_error *err)
{
        const struct swb_manifest *m = f->manifest;
        char hex[SWB_SHA256_HEX];
        int r = 0;

        swb_json_open_object(json, NULL);
        swb_json_u64(json, "size", f->file->n_bytes);
        swb_json_u64(json, "major_version", SWB_PAYLOAD_MAJOR);
        swb_json_u64(json, "minor_version", m->minor);
        swb_json_u64(json, "block_size", m->block_size);
        swb_json_bool(json, "is_delta", m->partial_update || m->partitions[0].has_old);
        swb_json_u64(json, "metadata_size", f->file->n_metadata_bytes);
        swb_hex_encode(f->file->metadata_hash, SWB_SHA256_BYTES, hex);
        swb_json_str(json, "metadata_sha256", hex);
        swb_json_u64(json, "signatures", f->n_signatures);
        if (m->max_timestamp)
                swb_json_i64(json, "max_timestamp", m->max_timestamp);
        if (*m->needs.encoders) {
                swb_json_open_object(json, "opened");
                swb_json_str(json, "encoders", m->needs.encoders);
                swb_json_u64(json, "memory", m->needs.memory_bytes);
                swb_json_u64(json, "scratch", m->needs.scratch_bytes);
                swb_json_close_object(json);
        }
        swb_json_open_array(json, "partitions");
        for (size_t i = 0; i < m->n_partitions && r == 0; i++)
                r = json_partition(json, f, i, err);
        swb_json_close_array(json);
        swb_json_close_object(json);
        return r;
}

static int show_json(const struct facts *f, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&text, true);
        int r = write_json(&json, f, err);

        if (r < 0)
                return r;
        r = swb_json_end(&json);
        if (r < 0)
                return swb_fail_errno(err, r, "make the JSON text");
        (void)fwrite(text.data, 1, text.n_bytes, stdout);
        return 0;
}

static void text_side(const char *name, uint64_t n_bytes, const uint8_t *hash)
{
        char hex[SWB_SHA256_HEX];

        swb_hex_encode(hash, SWB_SHA256_BYTES, hex);
        (void)printf("  %-8s %" PRIu64 " bytes, sha256 %s\n", name, n_bytes, hex);
}

static void text_extents(const struct swb_extent *extents, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)printf("%s%" PRIu64 "+%" PRIu64, i ? "," : "", extents[i].start_block,
                             extents[i].n_blocks);
}

static void operation_name(uint32_t type, enum swb_format format, char text[static OPERATION_TEXT])
{
        (void)snprintf(text, OPERATION_TEXT, "%s%s%s", swb_op_to_string(type),
                       format == SWB_FORMAT_NONE ? "" : " ", swb_format_to_string(format));
}

static int text_formats(const struct facts *f, size_t partition, struct swb_error *err)
{
        struct swb_format_tally tallies[_SWB_FORMAT_MAX];
        int r = swb_formats_count(f->file, partition, tallies, err);

        for (int i = SWB_FORMAT_NONE + 1; i < _SWB_FORMAT_MAX && r == 0; i++)
                if (tallies[i].count > 0)
                        (void)printf("    %-12s %6" PRIu64 " operations, %10" PRIu64 " bytes\n",
                                     swb_format_to_string((enum swb_format)i), tallies[i].count,
                                     tallies[i].bytes);
        return r;
}

static int text_operations(const struct facts *f, size_t partition, struct swb_error *err)
{
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                enum swb_format format;
                char name[OPERATION_TEXT];
                size_t of;
                int r = swb_payload_reader_peek(f->file->reader, number, &op, &of, err);

                if (r <= 0)
                        return r;
                if (of != partition)
                        continue;
                r = swb_format_of(f->file, op, &format, err);
                if (r < 0)
                        return r;
                operation_name(op->type, format, name);
                (void)printf("  %6zu %-16s %10" PRIu64 " bytes  ", number, name, op->data_length);
                text_extents(op->src, op->n_src);
                (void)printf("%s", op->n_src ? " -> " : "");
                text_extents(op->dst, op->n_dst);
                (void)printf("\n");
        }
}

static int text_partition(const struct facts *f, size_t index, struct swb_error *err)
{
        const struct swb_partition *p = &f->manifest->partitions[index];
        struct swb_operation_tally tallies[SWB_TALLIES_MAX];
        int n = swb_payload_file_tally(f->file, index, tallies, err);

        if (n < 0)
                return n;
        (void)printf("partition %s%s%s\n", p->name, *p->version ? ", version " : "", p->version);
        if (p->has_old)
                text_side("source", p->old_bytes, p->old_hash);
        if (p->has_new)
                text_side("target", p->new_bytes, p->new_hash);
        if (p->has_tree)
                (void)printf("  the device makes a hash tree of %" PRIu64 " blocks at %" PRIu64
                             "\n",
                             p->tree.tree.n_blocks, p->tree.tree.start_block);
        if (p->has_fec)
                (void)printf("  the device makes error correction of %" PRIu64 " blocks at %" PRIu64
                             ", %u roots\n",
                             p->fec.fec.n_blocks, p->fec.fec.start_block, p->fec.roots);
        for (int i = 0; i < n; i++)
                (void)printf("  %-14s %6" PRIu64 " operations, %10" PRIu64 " bytes, %8" PRIu64
                             " blocks\n",
                             swb_op_to_string(tallies[i].type), tallies[i].count,
                             tallies[i].data_bytes, tallies[i].target_blocks);
        n = text_formats(f, index, err);
        return n == 0 && with_operations ? text_operations(f, index, err) : n;
}

static void text_opened(const struct swb_needs *needs)
{
        char memory[SWB_SIZE_TEXT], scratch[SWB_SIZE_TEXT];

        if (*needs->encoders)
                (void)printf("opened contents: encoders %s; %s of memory, %s of scratch space\n",
                             needs->encoders, swb_format_size(needs->memory_bytes, memory),
                             swb_format_size(needs->scratch_bytes, scratch));
}

static int show_text(const struct facts *f, struct swb_error *err)
{
        const struct swb_manifest *m = f->manifest;

        (void)printf("%s: %" PRIu64 " bytes, %s, minor version %u, blocks of %u bytes\n",
                     f->file->path, f->file->n_bytes,
                     m->partial_update || m->partitions[0].has_old ? "delta" : "full", m->minor,
                     m->block_size);
        (void)printf("metadata: %" PRIu64 " bytes; signatures: %zu\n", f->file->n_metadata_bytes,
                     f->n_signatures);
        if (m->max_timestamp)
                (void)printf("built: %" PRId64 " seconds since 1970\n", m->max_timestamp);
        text_opened(&m->needs);
        for (size_t i = 0; i < m->n_partitions; i++) {
                int r = text_partition(f, i, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_cmd_inspect(int n_args _unused_, char **args, struct swb_error *err)
{
        _cleanup_(swb_payload_file_freep) struct swb_payload_file *file = NULL;
        struct facts f;
        int r = swb_payload_file_open(args[0], SWB_PAYLOAD_LOOK, NULL, &file, err);

        if (r < 0)
                return r;
        f = (struct facts){.file = file, .manifest = swb_payload_reader_manifest(file->reader)};
        r = swb_payload_reader_metadata_signatures(file->reader, f.signatures, SWB_KEYS_MAX,
                                                   &f.n_signatures, err);
        if (r < 0)
                return r;
        return as_json ? show_json(&f, err) : show_text(&f, err);
}
