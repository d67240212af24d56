/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/manifest.h"

enum {
        MANIFEST_BLOCK_SIZE = 3,
        MANIFEST_SIGNATURES_OFFSET = 4,
        MANIFEST_SIGNATURES_SIZE = 5,
        MANIFEST_MINOR_VERSION = 12,
        MANIFEST_PARTITIONS = 13,
        MANIFEST_MAX_TIMESTAMP = 14,
        MANIFEST_PARTIAL_UPDATE = 16,
        MANIFEST_NEEDS = 40,
};

static const struct swb_wire_known manifest_fields[] = {
        {MANIFEST_BLOCK_SIZE, SWB_WIRE_VARINT},
        {MANIFEST_SIGNATURES_OFFSET, SWB_WIRE_VARINT},
        {MANIFEST_SIGNATURES_SIZE, SWB_WIRE_VARINT},
        {MANIFEST_MINOR_VERSION, SWB_WIRE_VARINT},
        {MANIFEST_PARTITIONS, SWB_WIRE_BYTES, .repeated = true},
        {MANIFEST_MAX_TIMESTAMP, SWB_WIRE_VARINT},
        {MANIFEST_PARTIAL_UPDATE, SWB_WIRE_VARINT},
        {MANIFEST_NEEDS, SWB_WIRE_BYTES},
        {0},
};

enum {
        PARTITION_NAME = 1,
        PARTITION_RUN_POSTINSTALL = 2,
        PARTITION_POSTINSTALL_PATH = 3,
        PARTITION_FILESYSTEM_TYPE = 4,
        PARTITION_OLD_INFO = 6,
        PARTITION_NEW_INFO = 7,
        PARTITION_OPERATIONS = 8,
        PARTITION_POSTINSTALL_OPTIONAL = 9,
        PARTITION_TREE_DATA_EXTENT = 10,
        PARTITION_TREE_EXTENT = 11,
        PARTITION_TREE_ALGORITHM = 12,
        PARTITION_TREE_SALT = 13,
        PARTITION_FEC_DATA_EXTENT = 14,
        PARTITION_FEC_EXTENT = 15,
        PARTITION_FEC_ROOTS = 16,
        PARTITION_VERSION = 17,
};

static const struct swb_wire_known partition_fields[] = {
        {PARTITION_NAME, SWB_WIRE_BYTES},
        {PARTITION_RUN_POSTINSTALL, SWB_WIRE_VARINT},
        {PARTITION_POSTINSTALL_PATH, SWB_WIRE_BYTES},
        {PARTITION_FILESYSTEM_TYPE, SWB_WIRE_BYTES},
        {PARTITION_OLD_INFO, SWB_WIRE_BYTES},
        {PARTITION_NEW_INFO, SWB_WIRE_BYTES},
        {PARTITION_OPERATIONS, SWB_WIRE_BYTES, .repeated = true},
        {PARTITION_POSTINSTALL_OPTIONAL, SWB_WIRE_VARINT},
        {PARTITION_TREE_DATA_EXTENT, SWB_WIRE_BYTES},
        {PARTITION_TREE_EXTENT, SWB_WIRE_BYTES},
        {PARTITION_TREE_ALGORITHM, SWB_WIRE_BYTES},
        {PARTITION_TREE_SALT, SWB_WIRE_BYTES},
        {PARTITION_FEC_DATA_EXTENT, SWB_WIRE_BYTES},
        {PARTITION_FEC_EXTENT, SWB_WIRE_BYTES},
        {PARTITION_FEC_ROOTS, SWB_WIRE_VARINT},
        {PARTITION_VERSION, SWB_WIRE_BYTES},
        {0},
};

enum { INFO_SIZE = 1, INFO_HASH = 2 };

static const struct swb_wire_known info_fields[] = {
        {INFO_SIZE, SWB_WIRE_VARINT},
        {INFO_HASH, SWB_WIRE_BYTES},
        {0},
};

static int parse_info(const struct swb_wire_field *field, uint64_t *ret_bytes, uint8_t *ret_hash,
                      struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("PartitionInfo", info_fields, field->data, field->n_bytes);
        struct swb_wire_field f;
        int r;

        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                if (f.number == INFO_SIZE)
                        *ret_bytes = f.value;
                else
                        r = swb_wire_hash(&wire, &f, ret_hash, err);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = swb_wire_require(&wire, INFO_SIZE, "size", err);
        if (r >= 0)
                r = swb_wire_require(&wire, INFO_HASH, "hash", err);
        if (r >= 0 && *ret_bytes > SWB_PARTITION_MAX_BYTES)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "partition of %ju bytes",
                                (uintmax_t)*ret_bytes);
        return r;
}

static int take_salt(const struct swb_wire_field *f, struct swb_hash_tree *tree,
                     struct swb_error *err)
{
        if (f->n_bytes > sizeof(tree->salt))
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "hash_tree_salt of %zu bytes, at most %zu are taken", f->n_bytes,
                                sizeof(tree->salt));
        if (f->n_bytes > 0)
                memcpy(tree->salt, f->data, f->n_bytes);
        tree->n_salt = f->n_bytes;
        return 0;
}

static int take_partition_field(const struct swb_wire *wire, const struct swb_wire_field *f,
                                struct swb_partition *p, struct swb_error *err)
{
        switch (f->number) {
        case PARTITION_NAME:
                return swb_wire_text(wire, f, p->name, sizeof(p->name), err);
        case PARTITION_RUN_POSTINSTALL:
                p->run_postinstall = f->value != 0;
                return 0;
        case PARTITION_POSTINSTALL_PATH:
                return swb_wire_text(wire, f, p->postinstall_path, sizeof(p->postinstall_path),
                                     err);
        case PARTITION_FILESYSTEM_TYPE:
                return swb_wire_text(wire, f, p->filesystem_type, sizeof(p->filesystem_type), err);
        case PARTITION_OLD_INFO:
                p->has_old = true;
                return parse_info(f, &p->old_bytes, p->old_hash, err);
        case PARTITION_NEW_INFO:
                p->has_new = true;
                return parse_info(f, &p->new_bytes, p->new_hash, err);
        case PARTITION_OPERATIONS:
                p->n_operations++;
                return 0;
        case PARTITION_POSTINSTALL_OPTIONAL:
                p->postinstall_optional = f->value != 0;
                return 0;
        case PARTITION_VERSION:
                return swb_wire_text(wire, f, p->version, sizeof(p->version), err);
        case PARTITION_TREE_DATA_EXTENT:
                return swb_wire_extent(f, &p->tree.data, err);
        case PARTITION_TREE_EXTENT:
                p->has_tree = true;
                return swb_wire_extent(f, &p->tree.tree, err);
        case PARTITION_TREE_ALGORITHM:
                return swb_wire_text(wire, f, p->tree.algorithm, sizeof(p->tree.algorithm), err);
        case PARTITION_TREE_SALT:
                return take_salt(f, &p->tree, err);
        case PARTITION_FEC_DATA_EXTENT:
                return swb_wire_extent(f, &p->fec.covered, err);
        case PARTITION_FEC_ROOTS:
                return swb_wire_u32(wire, f, &p->fec.roots, err);
        default: /* PARTITION_FEC_EXTENT */
                p->has_fec = true;
                return swb_wire_extent(f, &p->fec.fec, err);
        }
}

static bool lies_inside(const struct swb_extent *e, uint64_t n_blocks)
{
        return e->n_blocks > 0 && e->start_block <= n_blocks &&
               e->n_blocks <= n_blocks - e->start_block;
}

/* PF-27. Whole blocks only: what lies behind the partition's size is nobody's. */
static int check_tree(const struct swb_partition *p, struct swb_error *err)
{
        const struct swb_extent *data = &p->tree.data, *tree = &p->tree.tree;
        uint64_t n_blocks = p->new_bytes / SWB_BLOCK_BYTES;

        if (!p->has_tree)
                return 0;
        if (!lies_inside(data, n_blocks) || !lies_inside(tree, n_blocks) ||
            (data->start_block < tree->start_block + tree->n_blocks &&
             tree->start_block < data->start_block + data->n_blocks))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "hash tree of %ju blocks at %ju over %ju at %ju: outside the "
                                "partition, or within each other",
                                (uintmax_t)tree->n_blocks, (uintmax_t)tree->start_block,
                                (uintmax_t)data->n_blocks, (uintmax_t)data->start_block);
        if (strcmp(p->tree.algorithm, "sha256") != 0)
                return 0; /* judged when it is to be made */
        if (tree->n_blocks != swb_hash_tree_blocks(data->n_blocks))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "hash tree of %ju blocks over %ju, which takes %ju",
                                (uintmax_t)tree->n_blocks, (uintmax_t)data->n_blocks,
                                (uintmax_t)swb_hash_tree_blocks(data->n_blocks));
        return 0;
}

/* PF-28. The tree was checked: nothing here overflows. */
static int check_fec(const struct swb_partition *p, struct swb_error *err)
{
        const struct swb_extent *data = &p->tree.data, *tree = &p->tree.tree;
        const struct swb_extent *covered = &p->fec.covered, *fec = &p->fec.fec;
        uint64_t end = tree->start_block + tree->n_blocks, n_wanted;

        if (!p->has_fec)
                return 0;
        if (!p->has_tree || data->start_block > tree->start_block ||
            covered->start_block != data->start_block ||
            covered->n_blocks != end - data->start_block)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "error correction over %ju blocks at %ju, which are not a hash "
                                "tree behind its data",
                                (uintmax_t)covered->n_blocks, (uintmax_t)covered->start_block);
        if (!lies_inside(fec, p->new_bytes / SWB_BLOCK_BYTES) || fec->start_block < end)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "error correction of %ju blocks at %ju: outside the partition, or "
                                "not behind the hash tree",
                                (uintmax_t)fec->n_blocks, (uintmax_t)fec->start_block);
        n_wanted = swb_error_correction_blocks(data->n_blocks + tree->n_blocks, p->fec.roots);
        if (fec->n_blocks != n_wanted)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "error correction of %ju blocks with %u roots over %ju, which "
                                "takes %ju",
                                (uintmax_t)fec->n_blocks, p->fec.roots,
                                (uintmax_t)(data->n_blocks + tree->n_blocks), (uintmax_t)n_wanted);
        return 0;
}

static bool is_name_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
}

/* PF-21: slots are looked up by this name, also by programs less careful than this one. */
static int check_name(const char *name, struct swb_error *err)
{
        const char *c = name;

        while (is_name_character(*c))
                c++;
        if (*c || c == name)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "partition name '%s': letters, digits, '_', '-' and '.' only",
                                name);
        return 0;
}

static int parse_partition(const uint8_t *data, size_t n_bytes, struct swb_partition *p,
                           struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("PartitionUpdate", partition_fields, data, n_bytes);
        struct swb_wire_field f;
        int r;

        p->fec.roots = SWB_FEC_ROOTS_DEFAULT;
        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                r = take_partition_field(&wire, &f, p, err);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = swb_wire_require(&wire, PARTITION_NAME, "partition_name", err);
        if (r >= 0)
                r = check_name(p->name, err);
        if (r >= 0)
                r = swb_wire_require(&wire, PARTITION_NEW_INFO, "new_partition_info", err);
        if (r >= 0 && p->new_bytes == 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "new size is 0");
        if (r >= 0)
                r = check_tree(p, err);
        return r < 0 ? r : check_fec(p, err);
}

static int add_partition(const struct swb_wire_field *f, struct swb_manifest *m,
                         struct swb_manifest_view *view, struct swb_error *err)
{
        size_t i = m->n_partitions;
        int r;

        if (i == SWB_PARTITIONS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "manifest: more than %d partitions",
                                SWB_PARTITIONS_MAX);
        r = parse_partition(f->data, f->n_bytes, &m->partitions[i], err);
        if (r < 0)
                return swb_wrap(err, r, "partition %zu", i);
        for (size_t k = 0; k < i; k++)
                if (strcmp(m->partitions[k].name, m->partitions[i].name) == 0)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "manifest: partition '%s' stands twice",
                                        m->partitions[i].name);
        view->partitions[i].data = f->data;
        view->partitions[i].n_bytes = f->n_bytes;
        m->n_partitions++;
        return 0;
}

/* Looked at before the partitions, which stand behind it: what a later version holds there may
 * break the rules of the present ones. */
static int take_minor(const struct swb_wire *wire, const struct swb_wire_field *f, uint32_t *ret,
                      struct swb_error *err)
{
        int r;

        r = swb_wire_u32(wire, f, ret, err);
        if (r < 0)
                return r;
        if (!swb_minor_known(*ret))
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "manifest: minor version %u, known are 0, 2 to 9 and %u to %u",
                                *ret, SWB_MINOR_OWN_FIRST, SWB_MINOR_OWN_LAST);
        return 0;
}

static int take_block_size(const struct swb_wire *wire, const struct swb_wire_field *f,
                           uint32_t *ret, struct swb_error *err)
{
        int r;

        r = swb_wire_u32(wire, f, ret, err);
        if (r < 0)
                return r;
        if (*ret != SWB_BLOCK_BYTES)
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "manifest: blocks of %u bytes, known are %d", *ret,
                                SWB_BLOCK_BYTES);
        return 0;
}

enum { NEEDS_ENCODERS = 1, NEEDS_MEMORY = 2, NEEDS_SCRATCH = 3 };

static const struct swb_wire_known needs_fields[] = {
        {NEEDS_ENCODERS, SWB_WIRE_BYTES},
        {NEEDS_MEMORY, SWB_WIRE_VARINT},
        {NEEDS_SCRATCH, SWB_WIRE_VARINT},
        {0},
};

static int parse_needs(const struct swb_wire_field *field, struct swb_needs *needs,
                       struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("OpenedNeeds", needs_fields, field->data, field->n_bytes);
        struct swb_wire_field f;
        int r;

        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                if (f.number == NEEDS_MEMORY)
                        needs->memory_bytes = f.value;
                else if (f.number == NEEDS_SCRATCH)
                        needs->scratch_bytes = f.value;
                else
                        r = swb_wire_text(&wire, &f, needs->encoders, sizeof(needs->encoders), err);
                if (r < 0)
                        return r;
        }
        return r;
}

static int take_manifest_field(const struct swb_wire *wire, const struct swb_wire_field *f,
                               struct swb_manifest *m, struct swb_manifest_view *view,
                               struct swb_error *err)
{
        switch (f->number) {
        case MANIFEST_BLOCK_SIZE:
                return take_block_size(wire, f, &m->block_size, err);
        case MANIFEST_SIGNATURES_OFFSET:
                m->signatures_offset = f->value;
                return 0;
        case MANIFEST_SIGNATURES_SIZE:
                m->signatures_size = f->value;
                return 0;
        case MANIFEST_MINOR_VERSION:
                return take_minor(wire, f, &m->minor, err);
        case MANIFEST_PARTITIONS:
                return add_partition(f, m, view, err);
        case MANIFEST_MAX_TIMESTAMP:
                m->max_timestamp = (int64_t)f->value;
                return 0;
        case MANIFEST_NEEDS: /* behind the minor version, as PF-17 has it */
                return m->minor < SWB_MINOR_OPENED ? 0 : parse_needs(f, &m->needs, err);
        default:
                m->partial_update = f->value != 0;
                return 0;
        }
}

/* PF-24: old infos for all or for none; with them, or partial, it is a delta, and a delta has its
 * own minor versions. Our own minor versions do for both. */
static int check_kind(const struct swb_manifest *m, struct swb_error *err)
{
        bool delta = m->partitions[0].has_old || m->partial_update;

        for (size_t i = 1; i < m->n_partitions; i++)
                if (m->partitions[i].has_old != m->partitions[0].has_old)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "manifest: partition '%s' has an old_partition_info and "
                                        "'%s' has none",
                                        m->partitions[m->partitions[0].has_old ? 0 : i].name,
                                        m->partitions[m->partitions[0].has_old ? i : 0].name);
        if (m->minor == SWB_MINOR_PIECES && m->partitions[0].has_old) /* PF-90 */
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "manifest: a delta with minor version %u", m->minor);
        if (m->minor >= SWB_MINOR_OWN_FIRST)
                return 0;
        if (delta != (m->minor != SWB_MINOR_FULL))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "manifest: a %s payload with minor version %u",
                                delta ? "delta or partial" : "full", m->minor);
        if (m->partial_update && m->minor < SWB_MINOR_PARTIAL)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "manifest: partial_update in minor version %u", m->minor);
        return 0;
}

int swb_manifest_parse(const uint8_t *data, size_t n_bytes, struct swb_manifest *ret,
                       struct swb_manifest_view *ret_view, struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("manifest", manifest_fields, data, n_bytes);
        struct swb_wire_field f;
        int r;

        memset(ret, 0, sizeof(*ret));
        memset(ret_view, 0, sizeof(*ret_view));
        ret->block_size = SWB_BLOCK_BYTES;
        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                r = take_manifest_field(&wire, &f, ret, ret_view, err);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = swb_wire_require(&wire, MANIFEST_PARTITIONS, "any partition", err);
        if (r >= 0)
                r = check_kind(ret, err);
        return r;
}
