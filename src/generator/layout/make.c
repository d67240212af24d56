/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/make.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "generator/layout/fill.h"
#include "os/command.h"
#include "os/file.h"
#include "os/hash.h"

#define BLOCK UINT64_C(4096)
#define GRAIN (UINT64_C(1) << 20)
#define INODE_BYTES 256
#define UUID_TEXT 37
#define TIMEOUT_USEC (UINT64_C(1800) * 1000000)
#define PATH "PATH=/usr/sbin:/sbin:/usr/bin:/bin"
/* Those of Debian's mke2fs.conf, whatever the host's says; no journal, nothing to grow into. */
#define FEATURES                                                                                   \
        "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file," \
        "dir_nlink,extra_isize,metadata_csum"

int swb_make_uuid(const char *label, uint8_t ret[SWB_UUID_BYTES], struct swb_error *err)
{
        _cleanup_free_ char *text = NULL;
        uint8_t hash[SWB_SHA256_BYTES];

        if (asprintf(&text, "swb-pack make-image %s", label) < 0) {
                text = NULL;
                return swb_oom(err);
        }
        swb_sha256(text, strlen(text), hash);
        memcpy(ret, hash, SWB_UUID_BYTES);
        ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x80); /* version 8: of one's own making */
        ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
        return 0;
}

static void format_uuid(const uint8_t *uuid, char text[UUID_TEXT])
{
        size_t at = 0;

        for (size_t i = 0; i < SWB_UUID_BYTES; i++)
                at += (size_t)snprintf(text + at, UUID_TEXT - at, "%s%02x",
                                       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

/* What the folder needs, with some room for maps. The host's sizes of folders are not the image's.
 */
static void measure(const struct swb_folder *folder, struct swb_make *make)
{
        uint64_t n_blocks = 0, n_name_bytes = 0;

        for (size_t i = 0; i < folder->n; i++) {
                const struct swb_folder_entry *entry = &folder->entries[i];
                const char *name = strrchr(entry->path, '/');

                n_name_bytes += (name ? strlen(name) : 0) + 12;
                if (S_ISDIR(entry->st.st_mode))
                        n_blocks++;
                else if (entry->hard_link == i)
                        n_blocks += ((uint64_t)entry->st.st_size + BLOCK - 1) / BLOCK;
        }
        n_blocks += 2 * n_name_bytes / BLOCK;
        if (make->n_inodes == 0)
                make->n_inodes = (folder->n * 115 / 100 + 64 + 1023) / 1024 * 1024;
        if (make->n_bytes == 0)
                make->n_bytes =
                        (n_blocks + n_blocks / 16 + 256) * BLOCK + make->n_inodes * INODE_BYTES;
        make->n_bytes = (make->n_bytes + GRAIN - 1) / GRAIN * GRAIN;
}

static int run(const char *const *argv, struct swb_error *err)
{
        struct swb_command_result result;
        char text[SWB_COMMAND_TEXT];
        int r;

        r = swb_command_run(argv, TIMEOUT_USEC, &result, err);
        if (r < 0)
                return r;
        if (!swb_command_succeeded(&result))
                return swb_fail(err, -EIO, SWB_FAULT_IO, "%s: %s: %s", argv[3],
                                swb_command_describe(&result, text), result.output);
        return 0;
}

static int lay_out(const struct swb_make *make, const char *image, struct swb_error *err)
{
        char time[64], uuid[UUID_TEXT], extended[160], inodes[24], blocks[24];

        format_uuid(make->uuid, uuid);
        (void)snprintf(time, sizeof(time), "E2FSPROGS_FAKE_TIME=%" PRId64, make->built);
        (void)snprintf(extended, sizeof(extended),
                       "hash_seed=%s,lazy_itable_init=0,nodiscard,root_owner=0:0", uuid);
        (void)snprintf(inodes, sizeof(inodes), "%" PRIu64, make->n_inodes);
        (void)snprintf(blocks, sizeof(blocks), "%" PRIu64, make->n_bytes / BLOCK);
        return run((const char *const[]){"/usr/bin/env",
                                         time,
                                         PATH,
                                         "MKE2FS_CONFIG=/dev/null",
                                         "mke2fs",
                                         "-q",
                                         "-F",
                                         "-b",
                                         "4096",
                                         "-I",
                                         "256",
                                         "-m",
                                         "0",
                                         "-N",
                                         inodes,
                                         "-L",
                                         make->label,
                                         "-O",
                                         FEATURES,
                                         "-U",
                                         uuid,
                                         "-E",
                                         extended,
                                         image,
                                         blocks,
                                         NULL},
                   err);
}

static int check(const char *image, struct swb_error *err)
{
        return run((const char *const[]){"/usr/bin/env", PATH, "LC_ALL=C", "e2fsck", "-fn", image,
                                         NULL},
                   err);
}

static int make_part(const struct swb_make *make, struct swb_folder *folder, const char *part,
                     struct swb_error *err)
{
        const struct swb_fill fill = {part, make->built, make->keep_owners};
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = lay_out(make, part, err);
        if (r >= 0)
                r = swb_fill_image(&fill, folder, err);
        if (r >= 0)
                r = check(part, err);
        if (r < 0)
                return r;
        fd = open(part, O_RDWR | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return swb_fail_errno(err, errno, "sync '%s'", part);
        return 0;
}

/* Empty, even after a run that was killed: mke2fs would keep what lies in it. Commands start in
 * "/", so they need its absolute place. */
static int make_file(const char *path, char **ret_place, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        char *place;

        if (fd < 0)
                return swb_fail_errno(err, errno, "make '%s'", path);
        place = realpath(path, NULL);
        if (!place)
                return swb_fail_errno(err, errno, "find '%s'", path);
        *ret_place = place;
        return 0;
}

int swb_make_image(const struct swb_make *wanted, struct swb_made *ret, struct swb_error *err)
{
        _cleanup_(swb_folder_done) struct swb_folder folder = {0};
        _cleanup_free_ char *part = NULL, *place = NULL;
        struct swb_make make = *wanted;
        int r;

        r = swb_folder_read(make.folder, &folder, err);
        if (r < 0)
                return r;
        measure(&folder, &make);
        if (asprintf(&part, "%s" SWB_TEMPORARY_SUFFIX, make.output) < 0) {
                part = NULL;
                return swb_oom(err);
        }
        r = make_file(part, &place, err);
        if (r >= 0)
                r = make_part(&make, &folder, place, err);
        if (r >= 0 && rename(part, make.output) < 0)
                r = swb_fail_errno(err, errno, "rename '%s' to '%s'", part, make.output);
        if (r < 0) {
                (void)unlink(part);
                return r;
        }
        *ret = (struct swb_made){make.n_bytes, folder.n};
        return 0;
}
