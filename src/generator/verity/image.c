/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/verity/image.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "generator/pack/output.h"
#include "os/file.h"

#define COPY_BLOCKS 256u
#define TEXT_MAX_BYTES ((size_t)16 << 10)

/* ---- making ---- */

struct target {
        int fd;
        const char *name;
};

static int read_target(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                       struct swb_error *err)
{
        const struct target *t = context;

        return swb_pread(t->fd, t->name, data, (size_t)n_blocks * SWB_BLOCK_BYTES,
                         block * SWB_BLOCK_BYTES, err);
}

static int write_target(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                        struct swb_error *err)
{
        const struct target *t = context;

        return swb_pwrite(t->fd, t->name, data, (size_t)n_blocks * SWB_BLOCK_BYTES,
                          block * SWB_BLOCK_BYTES, err);
}

static int copy_image(const struct swb_image *image, struct target *t, struct swb_error *err)
{
        _cleanup_free_ uint8_t *buf = malloc((size_t)COPY_BLOCKS * SWB_BLOCK_BYTES);

        if (!buf)
                return swb_oom(err);
        for (uint64_t done = 0; done < image->n_blocks; done += COPY_BLOCKS) {
                uint64_t n = SWB_MIN(image->n_blocks - done, (uint64_t)COPY_BLOCKS);
                int r = swb_image_read(image, done, n, buf, err);

                if (r == 0)
                        r = write_target(t, done, n, buf, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_superblock(const struct swb_verity_description *d, struct target *t,
                            struct swb_error *err)
{
        uint8_t block[SWB_BLOCK_BYTES] = {0};

        swb_verity_superblock(&d->verity, d->root, block);
        return write_target(t, d->superblock, 1, block, err);
}

static int add_tree(const struct swb_image *image, struct target *t,
                    struct swb_verity_description *d, struct swb_error *err)
{
        const struct swb_verity_io io = {t, read_target, write_target};
        int r = copy_image(image, t, err);

        if (r == 0)
                r = swb_verity_make(&d->verity, &io, d->root, err);
        if (r == 0 && d->fec_roots > 0) {
                const struct swb_fec fec = swb_verity_description_fec(d);

                r = swb_fec_make(&fec, &io, err);
        }
        return r < 0 ? r : write_superblock(d, t, err);
}

/* Beside the image: the description, and its signature. What an older image left goes first. */
static int write_beside(const struct swb_verity_image_config *config,
                        const struct swb_verity_description *d, const char *text_path,
                        const char *signature_path, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(TEXT_MAX_BYTES);
        uint8_t digest[SWB_SHA256_BYTES], signature[SWB_SIGNATURE_BYTES_MAX];
        size_t n;
        int r = swb_verity_description_write(d, &text, err);

        if (r == 0 && config->signing->n > 0) {
                swb_sha256(text.data, text.n_bytes, digest);
                r = swb_signing_first(config->signing, digest, signature, &n, err);
                if (r == 0)
                        r = swb_write_file_durable(signature_path, signature, n, 0644, err);
        }
        return r < 0 ? r : swb_write_file_durable(text_path, text.data, text.n_bytes, 0644, err);
}

static int make(const struct swb_verity_image_config *config, const struct swb_image *image,
                struct swb_verity_description *d, struct swb_error *err)
{
        _cleanup_(swb_output_freep) struct swb_output *output = NULL;
        _cleanup_free_ char *text_path = NULL, *signature_path = NULL;
        struct target t = {.name = config->output_path};
        int r = swb_output_new(config->output_path, &output, err);

        if (r < 0)
                return r;
        if (asprintf(&text_path, "%s.verity", config->output_path) < 0 ||
            asprintf(&signature_path, "%s.verity.sig", config->output_path) < 0)
                return swb_oom(err);
        t.fd = swb_output_fd(output);
        r = add_tree(image, &t, d, err);
        if (r == 0)
                r = swb_remove_file_durable(text_path, err);
        if (r == 0)
                r = swb_remove_file_durable(signature_path, err);
        if (r == 0)
                r = swb_output_commit(output, err);
        return r < 0 ? r : write_beside(config, d, text_path, signature_path, err);
}

int swb_verity_image_make(const struct swb_verity_image_config *config,
                          struct swb_verity_description *ret, struct swb_error *err)
{
        _cleanup_(swb_image_freep) struct swb_image *image = NULL;
        struct swb_verity_description d = {.verity = config->salt, .fec_roots = config->fec_roots};
        struct stat a, b;
        int r = swb_image_open(config->image_path, &image, err);

        if (r < 0)
                return r;
        if (fstat(image->fd, &a) == 0 && stat(config->output_path, &b) == 0 &&
            a.st_dev == b.st_dev && a.st_ino == b.st_ino)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' can't be image and output at once", config->output_path);
        d.verity.data_blocks = image->n_blocks;
        d.superblock = image->n_blocks;
        d.verity.tree_start = image->n_blocks + 1;
        d.fec_start = d.verity.tree_start + swb_verity_tree_blocks(image->n_blocks);
        r = make(config, image, &d, err);
        if (r == 0)
                *ret = d;
        return r;
}

/* ---- checking ---- */

/* The tree is made again and compared with what is there. */
struct check {
        const struct swb_image *image;
        const char *what;
        uint8_t *buf; /* COPY_BLOCKS */
};

static int read_image(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                      struct swb_error *err)
{
        const struct check *c = context;

        return swb_image_read(c->image, block, n_blocks, data, err);
}

static int fail_differs(const struct swb_image *image, const char *what, struct swb_error *err)
{
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                        "image '%s' has another %s than '%s.verity' says: make it again with "
                        "swb-pack verity, and don't change it afterwards",
                        image->path, what, image->path);
}

static int compare(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                   struct swb_error *err)
{
        const struct check *c = context;
        int r = swb_image_read(c->image, block, n_blocks, c->buf, err);

        if (r == 0 && memcmp(c->buf, data, (size_t)n_blocks * SWB_BLOCK_BYTES) != 0)
                return fail_differs(c->image, c->what, err);
        return r;
}

static int check_content(const struct swb_image *image, const struct swb_verity_description *d,
                         struct swb_error *err)
{
        _cleanup_free_ uint8_t *buf = malloc((size_t)COPY_BLOCKS * SWB_BLOCK_BYTES);
        struct check c = {image, "hash tree", buf};
        const struct swb_verity_io io = {&c, read_image, compare};
        uint8_t root[SWB_SHA256_BYTES], wanted[SWB_VERITY_SUPERBLOCK_BYTES];
        int r;

        if (!buf)
                return swb_oom(err);
        r = swb_verity_make(&d->verity, &io, root, err);
        if (r < 0)
                return r;
        if (memcmp(root, d->root, sizeof(root)) != 0)
                return fail_differs(image, "root hash", err);
        swb_verity_superblock(&d->verity, root, wanted);
        r = swb_image_read(image, d->superblock, 1, buf, err);
        if (r == 0 && memcmp(buf, wanted, sizeof(wanted)) != 0)
                return fail_differs(image, "superblock", err);
        if (r == 0 && d->fec_roots > 0) {
                const struct swb_fec fec = swb_verity_description_fec(d);

                c.what = "error correction";
                r = swb_fec_make(&fec, &io, err);
        }
        return r;
}

int swb_verity_image_check(const struct swb_image *image, struct swb_verity_description *ret,
                           struct swb_error *err)
{
        _cleanup_free_ char *path = NULL;
        struct swb_verity_description d;
        int r;

        if (asprintf(&path, "%s.verity", image->path) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = swb_verity_description_read(path, &d, err);
        if (r < 0)
                return r;
        if (d.superblock >= image->n_blocks ||
            d.verity.tree_start + swb_verity_tree_blocks(d.verity.data_blocks) > image->n_blocks ||
            d.fec_start + swb_verity_description_fec_blocks(&d) > image->n_blocks)
                return fail_differs(image, "size", err);
        r = check_content(image, &d, err);
        if (r == 0)
                *ret = d;
        return r;
}
