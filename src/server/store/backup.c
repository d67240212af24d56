/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server/store/payload_files.h"

#define TEMPORARY_MARK ".XXXXXX"

/* --- the payloads --- */

static int copy_payload(int from, int to, const char *name, struct swb_error *err)
{
        struct swb_payload_file file;
        _cleanup_close_ int fd = -EBADF;
        uint64_t n_bytes;
        int r;

        r = swb_payload_file_open(from, name, &fd, &n_bytes, err);
        if (r >= 0)
                r = swb_payload_file_read(fd, name, &file, err);
        if (r < 0)
                return r;
        if (strcmp(file.name, name) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "payload %s is damaged: its SHA-256 is %s", name, file.name);
        return swb_payload_file_store(to, fd, name, &file, err);
}

static int take_payload(int from, int to, const char *name, struct swb_error *err)
{
        if (linkat(from, name, to, name, 0) >= 0 || errno == EEXIST)
                return 0;
        if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
                return copy_payload(from, to, name, err);
        return swb_fail_errno(err, errno, "link payload %s", name);
}

static int take_payloads(int from, int to, uint64_t *n, struct swb_error *err)
{
        int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!folder) {
                r = swb_fail_errno(err, errno, "list the payloads");
                (void)swb_close(fd);
                return r;
        }
        while (r >= 0 && (errno = 0, entry = readdir(folder))) {
                if (!swb_is_payload_file_name(entry->d_name))
                        continue;
                r = take_payload(from, to, entry->d_name, err);
                ++*n;
        }
        if (r >= 0 && errno != 0)
                r = swb_fail_errno(err, errno, "list the payloads");
        (void)closedir(folder);
        if (r >= 0 && fsync(to) < 0)
                r = swb_fail_errno(err, errno, "sync the folder of copied payloads");
        return r;
}

/* --- the database --- */

static int sync_file(const char *path, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return swb_fail_errno(err, errno, "sync '%s'", path);
        return 0;
}

/* Gives a file its name unless something has that already. */
static int name_it(const char *temporary, const char *path, struct swb_error *err)
{
        /* NFS knows no rename that does not replace. */
        if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) < 0 &&
            (errno != EINVAL || link(temporary, path) < 0)) {
                if (errno == EEXIST)
                        return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                        "'%s' is there already: give a new name", path);
                return swb_fail_errno(err, errno, "name the copy '%s'", path);
        }
        return swb_sync_folder_of(path, err);
}

static int make_temporary(const char *path, char **ret, struct swb_error *err)
{
        _cleanup_free_ char *name = NULL;
        int fd;

        if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                "'%s' is there already: give a new name", path);
        if (asprintf(&name, "%s" TEMPORARY_MARK, path) < 0) {
                name = NULL;
                return swb_oom(err);
        }
        fd = mkostemp(name, O_CLOEXEC); /* for its owner only */
        if (fd < 0)
                return swb_fail_errno(err, errno, "create '%s'", name);
        (void)swb_close(fd);
        *ret = SWB_TAKE_PTR(name);
        return 0;
}

/* --- both --- */

/* Nobody may add or remove payloads between the copy of the rows that name them and theirs. */
static int copy_both(struct swb_db *db, const struct swb_backup_options *options,
                     const char *temporary, struct swb_backup_result *result, struct swb_error *err)
{
        _cleanup_close_ int from = -EBADF, to = -EBADF, lock = -EBADF;
        struct stat st;
        int r = 0;

        if (options->with_payloads) {
                r = swb_payload_files_open(options->data, &from, err);
                if (r >= 0)
                        r = swb_payload_files_lock(from, &lock, err);
        }
        if (r >= 0)
                r = swb_db_copy(db, temporary, err);
        if (r >= 0)
                r = sync_file(temporary, err);
        if (r >= 0 && options->with_payloads) {
                r = swb_payload_files_open(options->to, &to, err);
                if (r >= 0)
                        r = take_payloads(from, to, &result->n_payloads, err);
        }
        if (r < 0)
                return r;
        if (stat(temporary, &st) < 0)
                return swb_fail_errno(err, errno, "stat '%s'", temporary);
        result->n_bytes = (uint64_t)st.st_size;
        return 0;
}

static int copy_to(struct swb_db *db, const struct swb_backup_options *options, const char *path,
                   struct swb_backup_result *result, struct swb_error *err)
{
        _cleanup_free_ char *temporary = NULL;
        int r;

        r = make_temporary(path, &temporary, err);
        if (r < 0)
                return r;
        r = copy_both(db, options, temporary, result, err);
        if (r >= 0)
                r = name_it(temporary, path, err);
        (void)unlink(temporary); /* not there any more, unless this failed */
        return r;
}

int swb_backup(struct swb_db *db, const struct swb_backup_options *options,
               struct swb_backup_result *ret, struct swb_error *err)
{
        struct swb_backup_result result = {0};
        _cleanup_free_ char *path = NULL;
        struct stat st;
        bool is_folder;
        int r = 0;

        if (options->with_payloads)
                r = swb_make_dirs(options->to, 0750, err);
        if (r < 0)
                return r;
        is_folder = stat(options->to, &st) >= 0 && S_ISDIR(st.st_mode);
        if (asprintf(&path, "%s%s", options->to, is_folder ? "/" SWB_DB_FILE : "") < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = copy_to(db, options, path, &result, err);
        if (r < 0 && options->with_payloads)
                (void)rmdir(options->to); /* if it is empty */
        if (r < 0)
                return r;
        *ret = result;
        return 0;
}
