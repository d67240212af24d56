/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/checkpoint.h"

#include <limits.h>

#include "base/kv.h"
#include "base/text.h"
#include "os/file.h"

#define CHECKPOINT_MAX_BYTES 4096
#define CHECK_KEY "CHECK="

/* "dir/name"; the text has room for PATH_MAX. */
static int make_path(const char *dir, const char *name, char *path, struct swb_error *err)
{
        int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

        if (n < 0 || n >= PATH_MAX)
                return swb_fail(err, -ENAMETOOLONG, SWB_FAULT_CONFIG,
                                "the state folder's name is too long: '%s'", dir);
        return 0;
}

static int put_hex(struct swb_buf *buf, const char *key, const uint8_t *data, size_t n)
{
        char text[2 * SWB_SHA256_STATE_BYTES + 1];

        swb_hex_encode(data, n, text);
        return swb_kv_put(buf, key, text);
}

/* The CHECK line over all that the buffer holds. */
static int put_check(struct swb_buf *buf)
{
        uint8_t digest[SWB_SHA256_BYTES];

        swb_sha256(buf->data, buf->n_bytes, digest);
        return put_hex(buf, "CHECK", digest, sizeof(digest));
}

static int encode(const struct swb_checkpoint *c, struct swb_buf *buf)
{
        int r;

        r = swb_kv_put_u64(buf, "FORMAT", SWB_CHECKPOINT_FORMAT);
        if (r >= 0)
                r = put_hex(buf, "PAYLOAD_SHA256", c->payload_hash, sizeof(c->payload_hash));
        if (r >= 0)
                r = swb_kv_put_u64(buf, "PAYLOAD_BYTES", c->payload_bytes);
        if (r >= 0)
                r = put_hex(buf, "TARGETS", c->targets, sizeof(c->targets));
        if (r >= 0)
                r = swb_kv_put_u64(buf, "METADATA_BYTES", c->metadata_bytes);
        if (r >= 0)
                r = put_hex(buf, "METADATA_SHA256", c->metadata_hash, sizeof(c->metadata_hash));
        if (r >= 0)
                r = swb_kv_put_u64(buf, "OPERATION", c->operation);
        if (r >= 0)
                r = swb_kv_put_u64(buf, "OFFSET", c->offset);
        if (r >= 0)
                r = put_hex(buf, "FILE_STATE", c->file_state, sizeof(c->file_state));
        if (r >= 0)
                r = put_hex(buf, "SIGNED_STATE", c->signed_state, sizeof(c->signed_state));
        if (r >= 0)
                r = swb_kv_put_u64(buf, "COMPLETE", c->complete);
        if (r >= 0)
                r = swb_kv_put_u64(buf, "PLAIN_ZEROS", c->plain_zeros);
        if (r >= 0)
                r = swb_kv_put_u64(buf, "PIECES", c->pieces);
        return r < 0 ? r : put_check(buf);
}

int swb_checkpoint_save(const char *dir, const struct swb_checkpoint *checkpoint,
                        struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(CHECKPOINT_MAX_BYTES);
        char path[PATH_MAX];
        int r;

        r = encode(checkpoint, &buf);
        if (r < 0)
                return swb_fail_errno(err, r, "make a checkpoint");
        r = make_path(dir, "checkpoint", path, err);
        return r < 0 ? r : swb_write_file_durable(path, buf.data, buf.n_bytes, 0600, err);
}

int swb_checkpoint_save_metadata(const char *dir, const uint8_t *metadata, size_t n,
                                 struct swb_error *err)
{
        char path[PATH_MAX];
        int r;

        r = make_path(dir, "metadata", path, err);
        return r < 0 ? r : swb_write_file_durable(path, metadata, n, 0600, err);
}

/* The lines before the CHECK line, if that is the last one and right. */
static int check_lines(const struct swb_buf *buf, size_t *ret_n)
{
        const size_t n_check = strlen(CHECK_KEY) + SWB_SHA256_HEX; /* the line end for the NUL */
        uint8_t digest[SWB_SHA256_BYTES];
        char want[SWB_SHA256_HEX];
        const char *line;

        if (buf->n_bytes <= n_check)
                return -EBADMSG;
        line = (const char *)buf->data + buf->n_bytes - n_check;
        swb_sha256(buf->data, buf->n_bytes - n_check, digest);
        swb_hex_encode(digest, sizeof(digest), want);
        if (line[-1] != '\n' || memcmp(line, CHECK_KEY, strlen(CHECK_KEY)) != 0 ||
            memcmp(line + strlen(CHECK_KEY), want, strlen(want)) != 0 || line[n_check - 1] != '\n')
                return -EBADMSG;
        *ret_n = buf->n_bytes - n_check;
        return 0;
}

static int get_hex(const struct swb_kv *kv, const char *key, uint8_t *data, size_t n)
{
        const char *text = swb_kv_str(kv, key, NULL);

        return text ? swb_hex_decode(text, data, n) : -ENOENT;
}

static int get_bool(const struct swb_kv *kv, const char *key, bool *ret)
{
        uint64_t value;
        int r = swb_kv_u64(kv, key, &value);

        if (r < 0 || value > 1)
                return -EINVAL;
        *ret = value == 1;
        return 0;
}

static int decode(const struct swb_kv *kv, struct swb_checkpoint *c)
{
        if (get_hex(kv, "PAYLOAD_SHA256", c->payload_hash, sizeof(c->payload_hash)) < 0 ||
            swb_kv_u64(kv, "PAYLOAD_BYTES", &c->payload_bytes) < 0 ||
            get_hex(kv, "TARGETS", c->targets, sizeof(c->targets)) < 0 ||
            swb_kv_u64(kv, "METADATA_BYTES", &c->metadata_bytes) < 0 ||
            get_hex(kv, "METADATA_SHA256", c->metadata_hash, sizeof(c->metadata_hash)) < 0 ||
            swb_kv_u64(kv, "OPERATION", &c->operation) < 0 ||
            swb_kv_u64(kv, "OFFSET", &c->offset) < 0 ||
            get_hex(kv, "FILE_STATE", c->file_state, sizeof(c->file_state)) < 0 ||
            get_hex(kv, "SIGNED_STATE", c->signed_state, sizeof(c->signed_state)) < 0 ||
            get_bool(kv, "COMPLETE", &c->complete) < 0 ||
            get_bool(kv, "PLAIN_ZEROS", &c->plain_zeros) < 0 ||
            (swb_kv_str(kv, "PIECES", NULL) && get_bool(kv, "PIECES", &c->pieces) < 0))
                return -EBADMSG;
        return 0;
}

static int parse(const struct swb_buf *buf, const char *path, struct swb_checkpoint *ret,
                 struct swb_error *err)
{
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        struct swb_checkpoint checkpoint = {0};
        uint64_t format;
        size_t n;
        int r;

        r = check_lines(buf, &n);
        if (r >= 0)
                r = swb_kv_parse(buf->data, n, &kv);
        if (r == -ENOMEM)
                return swb_oom(err);
        if (r < 0 || swb_kv_u64(kv, "FORMAT", &format) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is damaged", path);
        if (format != SWB_CHECKPOINT_FORMAT)
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "'%s' is of another version", path);
        if (decode(kv, &checkpoint) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is incomplete", path);
        *ret = checkpoint;
        return 0;
}

int swb_checkpoint_load(const char *dir, struct swb_checkpoint *ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(CHECKPOINT_MAX_BYTES);
        char path[PATH_MAX];
        int r;

        r = make_path(dir, "checkpoint", path, err);
        if (r < 0)
                return r;
        r = swb_read_file(path, &buf, err);
        if (r == -ENOENT)
                return 1;
        return r < 0 ? r : parse(&buf, path, ret, err);
}

int swb_checkpoint_load_metadata(const char *dir, const struct swb_checkpoint *checkpoint,
                                 struct swb_buf *buf, struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];
        char path[PATH_MAX];
        int r;

        r = make_path(dir, "metadata", path, err);
        if (r >= 0)
                r = swb_read_file(path, buf, err);
        if (r < 0)
                return r;
        swb_sha256(buf->data, buf->n_bytes, digest);
        if (buf->n_bytes != checkpoint->metadata_bytes ||
            memcmp(digest, checkpoint->metadata_hash, sizeof(digest)) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' does not belong to the checkpoint", path);
        return 0;
}

int swb_checkpoint_discard(const char *dir, struct swb_error *err)
{
        static const char *const names[] = {"checkpoint", "metadata", "pieces"};
        char path[PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < SWB_ELEMENTS(names) && r >= 0; i++) {
                r = make_path(dir, names[i], path, err);
                if (r >= 0)
                        r = swb_remove_file_durable(path, err);
        }
        return r;
}
