/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/verity/description.h"

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
        return r < 0 ? swb_oom(err) : 0;
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
            swb_hex_decode(swb_kv_str(kv, "ROOT_HASH", ""), d.root, SWB_SHA256_BYTES) < 0)
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
