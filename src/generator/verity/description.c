/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/verity/description.h"

#include <inttypes.h>

#include "base/kv.h"
#include "base/text.h"
#include "os/file.h"

#define FILE_MAX_BYTES ((size_t)16 << 10)
#define VERSION 1

void swb_verity_salt_text(const struct swb_verity *verity, char *text)
{
        if (verity->n_salt == 0)
                (void)snprintf(text, SWB_VERITY_SALT_TEXT, "-");
        else
                swb_hex_encode(verity->salt, verity->n_salt, text);
}

int swb_verity_salt_parse(const char *text, struct swb_verity *verity, struct swb_error *err)
{
        size_t n = strlen(text);

        if (strcmp(text, "-") == 0) {
                verity->n_salt = 0;
                return 0;
        }
        if (n == 0 || n % 2 != 0 || n / 2 > SWB_VERITY_SALT_MAX ||
            swb_hex_decode(text, verity->salt, n / 2) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "salt '%s' is not '-' or 1 to %u bytes in hex", text,
                                SWB_VERITY_SALT_MAX);
        verity->n_salt = n / 2;
        return 0;
}

struct swb_fec swb_verity_description_fec(const struct swb_verity_description *d)
{
        return (struct swb_fec){.data_start = d->verity.data_start,
                                .data_blocks = d->verity.data_blocks,
                                .tree_start = d->verity.tree_start,
                                .tree_blocks = swb_verity_tree_blocks(d->verity.data_blocks),
                                .fec_start = d->fec_start,
                                .roots = d->fec_roots};
}

uint64_t swb_verity_description_fec_blocks(const struct swb_verity_description *d)
{
        const struct swb_fec fec = swb_verity_description_fec(d);

        return fec.roots ? swb_fec_parity_blocks(fec.data_blocks + fec.tree_blocks, fec.roots) : 0;
}

int swb_verity_check_roots(uint64_t roots, struct swb_error *err)
{
        if (roots == 0 || (roots >= SWB_FEC_ROOTS_MIN && roots <= SWB_FEC_ROOTS_MAX))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "%" PRIu64 " roots of error correction; there can be %u to %u, or 0 for "
                        "none",
                        roots, SWB_FEC_ROOTS_MIN, SWB_FEC_ROOTS_MAX);
}

static int write_fec(const struct swb_verity_description *d, struct swb_buf *buf)
{
        int r;

        if (d->fec_roots == 0)
                return 0;
        r = swb_kv_put_u64(buf, "FEC_ROOTS", d->fec_roots);
        if (r == 0)
                r = swb_kv_put_u64(buf, "FEC_START", d->fec_start);
        if (r == 0)
                r = swb_kv_put_u64(buf, "FEC_BLOCKS", swb_verity_description_fec_blocks(d));
        return r;
}

int swb_verity_description_write(const struct swb_verity_description *d, struct swb_buf *buf,
                                 struct swb_error *err)
{
        char salt[SWB_VERITY_SALT_TEXT], root[SWB_SHA256_HEX];
        int r = swb_kv_put_u64(buf, "VERSION", VERSION);

        swb_verity_salt_text(&d->verity, salt);
        swb_hex_encode(d->root, SWB_SHA256_BYTES, root);
        if (r == 0)
                r = swb_kv_put(buf, "ALGORITHM", "sha256");
        if (r == 0)
                r = swb_kv_put_u64(buf, "BLOCK_SIZE", SWB_VERITY_BLOCK_BYTES);
        if (r == 0)
                r = swb_kv_put_u64(buf, "DATA_BLOCKS", d->verity.data_blocks);
        if (r == 0)
                r = swb_kv_put_u64(buf, "SUPERBLOCK", d->superblock);
        if (r == 0)
                r = swb_kv_put_u64(buf, "HASH_START", d->verity.tree_start);
        if (r == 0)
                r = swb_kv_put_u64(buf, "HASH_BLOCKS",
                                   swb_verity_tree_blocks(d->verity.data_blocks));
        if (r == 0)
                r = swb_kv_put(buf, "SALT", salt);
        if (r == 0)
                r = swb_kv_put(buf, "ROOT_HASH", root);
        if (r == 0)
                r = write_fec(d, buf);
        return r < 0 ? swb_oom(err) : 0;
}

/* Without FEC_ROOTS there is none. */
static int parse_fec(const struct swb_kv *kv, struct swb_verity_description *d)
{
        uint64_t roots, n_blocks;

        if (!swb_kv_str(kv, "FEC_ROOTS", NULL))
                return 0;
        if (swb_kv_u64(kv, "FEC_ROOTS", &roots) < 0 || roots == 0 ||
            swb_verity_check_roots(roots, NULL) < 0)
                return -EBADMSG;
        d->fec_roots = (unsigned)roots;
        if (swb_kv_u64(kv, "FEC_START", &d->fec_start) < 0 ||
            d->fec_start < d->verity.tree_start + swb_verity_tree_blocks(d->verity.data_blocks) ||
            d->fec_start > SWB_VERITY_DATA_BLOCKS_MAX ||
            swb_kv_u64(kv, "FEC_BLOCKS", &n_blocks) < 0 ||
            n_blocks != swb_verity_description_fec_blocks(d))
                return -EBADMSG;
        return 0;
}

static int parse(const struct swb_kv *kv, const char *path, struct swb_verity_description *ret,
                 struct swb_error *err)
{
        struct swb_verity_description d = {0};
        uint64_t version, block_size, n_hash;
        int r = swb_verity_salt_parse(swb_kv_str(kv, "SALT", ""), &d.verity, err);

        if (r < 0 || swb_kv_u64(kv, "VERSION", &version) < 0 || version != VERSION ||
            strcmp(swb_kv_str(kv, "ALGORITHM", ""), "sha256") != 0 ||
            swb_kv_u64(kv, "BLOCK_SIZE", &block_size) < 0 || block_size != SWB_VERITY_BLOCK_BYTES ||
            swb_kv_u64(kv, "DATA_BLOCKS", &d.verity.data_blocks) < 0 ||
            d.verity.data_blocks < SWB_VERITY_DATA_BLOCKS_MIN ||
            d.verity.data_blocks > SWB_VERITY_DATA_BLOCKS_MAX ||
            swb_kv_u64(kv, "SUPERBLOCK", &d.superblock) < 0 ||
            swb_kv_u64(kv, "HASH_START", &d.verity.tree_start) < 0 ||
            d.verity.tree_start < d.verity.data_blocks ||
            d.verity.tree_start > SWB_VERITY_DATA_BLOCKS_MAX ||
            swb_kv_u64(kv, "HASH_BLOCKS", &n_hash) < 0 ||
            n_hash != swb_verity_tree_blocks(d.verity.data_blocks) ||
            swb_hex_decode(swb_kv_str(kv, "ROOT_HASH", ""), d.root, SWB_SHA256_BYTES) < 0 ||
            parse_fec(kv, &d) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' is not what swb-pack verity writes", path);
        *ret = d;
        return 0;
}

int swb_verity_description_read(const char *path, struct swb_verity_description *ret,
                                struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_MAX_BYTES);
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        int r = swb_read_file(path, &text, err);

        if (r < 0)
                return r;
        r = swb_kv_parse(text.data, text.n_bytes, &kv);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_FORMAT, "'%s' has no lines KEY=value", path);
        return parse(kv, path, ret, err);
}
