/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server/store/payload_files.h"
#include "server/store/uses.h"

int swb_storage_begin(struct swb_storage *s, const char *data_folder, const char *name,
                      struct swb_error *err)
{
        int r;

        *s = SWB_STORAGE_INIT;
        r = swb_open_folder(data_folder, name, 0750, &s->folder_fd, err);
        return r < 0 ? r : swb_payload_files_lock(s->folder_fd, &s->lock_fd, err);
}

void swb_storage_done(struct swb_storage *s)
{
        (void)swb_close(s->lock_fd);
        (void)swb_close(s->folder_fd);
        *s = SWB_STORAGE_INIT;
}

int swb_storage_drop_image(struct swb_db *db, const struct swb_image *image, bool is_forced,
                           struct swb_error *err)
{
        char what[SWB_VERSION_MAX + 32];
        int r;

        (void)snprintf(what, sizeof(what), "the image of version '%s'", image->version);
        r = swb_uses_check(db, is_forced ? SWB_USED_IMAGE_BY_JOB : SWB_USED_IMAGE, image->app,
                           image->version, what, err);
        return r < 0 ? r : swb_image_remove(db, image, err);
}

int swb_storage_drop_image_file(struct swb_storage *s, struct swb_db *db, const char *sha256,
                                struct swb_error *err)
{
        bool used;
        int r = swb_image_file_used(db, sha256, &used, err);

        return r < 0 || used ? r : swb_payload_file_remove(s->folder_fd, sha256, err);
}

int swb_storage_check_payload(struct swb_storage *s, struct swb_db *db, const char *sha256,
                              struct swb_error *err)
{
        char what[96];
        uint64_t n_bytes;
        int fd, r;

        r = swb_payload_file_open(s->folder_fd, sha256, &fd, &n_bytes, err);
        if (r < 0)
                return r;
        (void)swb_close(fd);
        (void)snprintf(what, sizeof(what), "payload file %s", sha256);
        return swb_uses_check(db, SWB_USED_PAYLOAD_FILE, 0, sha256, what, err);
}

/* --- the list --- */

struct files {
        struct swb_storage_file *list;
        size_t n;
};

static void files_done(struct files *files)
{
        free(files->list);
}

static int add_file(struct files *files, int folder, const char *name, struct swb_error *err)
{
        struct swb_storage_file *file;
        struct stat st;

        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : swb_fail_errno(err, errno, "look at file %s", name);
        if (!S_ISREG(st.st_mode))
                return 0;
        if (files->n == SWB_STORAGE_FILES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %d files are stored",
                                SWB_STORAGE_FILES_MAX);
        /* Capacity is the next power of two. */
        if ((files->n & (files->n - 1)) == 0) {
                void *grown = reallocarray(files->list, files->n ? 2 * files->n : 1, sizeof(*file));

                if (!grown)
                        return swb_oom(err);
                files->list = grown;
        }
        file = &files->list[files->n++];
        *file = (struct swb_storage_file){.n_bytes = (uint64_t)st.st_size,
                                          .changed = (int64_t)st.st_mtime};
        swb_copy_bounded(file->sha256, name, sizeof(file->sha256) - 1);
        return 0;
}

static int compare_files(const void *a, const void *b)
{
        const struct swb_storage_file *left = a, *right = b;

        return strcmp(left->sha256, right->sha256);
}

int swb_storage_list(const char *data_folder, const char *name, struct swb_storage_file **ret,
                     size_t *ret_n, struct swb_error *err)
{
        _cleanup_(files_done) struct files files = {0};
        const struct dirent *entry;
        int fd, r;
        DIR *dir;

        r = swb_open_folder(data_folder, name, 0750, &fd, err);
        if (r < 0)
                return r;
        dir = fdopendir(fd);
        if (!dir) {
                (void)swb_close(fd);
                return swb_fail_errno(err, errno, "list '%s/%s'", data_folder, name);
        }
        while (r >= 0 && (entry = readdir(dir)))
                if (swb_is_payload_file_name(entry->d_name))
                        r = add_file(&files, dirfd(dir), entry->d_name, err);
        (void)closedir(dir);
        if (r < 0)
                return r;
        if (files.n > 1)
                qsort(files.list, files.n, sizeof(*files.list), compare_files);
        *ret = SWB_TAKE_PTR(files.list);
        *ret_n = files.n;
        return 0;
}
