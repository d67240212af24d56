/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"

#define LINK_ATTEMPTS 100

struct swb_output {
        char *path;
        char *folder;
        char *temporary; /* its name while it has one, else NULL */
        int fd;
};

char *swb_folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static mode_t wanted_mode(void)
{
        mode_t mask = umask(022);

        (void)umask(mask);
        return 0666 & ~mask;
}

/* folder/.name.suffix, the caller's to free */
static char *hidden_name(const char *folder, const char *path, const char *suffix)
{
        const char *slash = strrchr(path, '/');
        char *text = NULL;

        if (asprintf(&text, "%s/.%s.%s", folder, slash ? slash + 1 : path, suffix) < 0)
                return NULL;
        return text;
}

static bool has_no_tmpfile(int error)
{
        return error == EOPNOTSUPP || error == EISDIR || error == ENOENT || error == EINVAL;
}

static int open_named(struct swb_output *output, struct swb_error *err)
{
        _cleanup_free_ char *name = hidden_name(output->folder, output->path, "XXXXXX");

        if (!name)
                return swb_oom(err);
        output->fd = mkostemp(name, O_CLOEXEC);
        if (output->fd < 0)
                return swb_fail_errno(err, errno, "make a file in '%s'", output->folder);
        output->temporary = SWB_TAKE_PTR(name);
        if (fchmod(output->fd, wanted_mode()) < 0)
                return swb_fail_errno(err, errno, "set the mode of '%s'", output->temporary);
        return 0;
}

static int check_path(const char *path, struct swb_error *err)
{
        struct stat st;

        if (*path == '\0' || path[strlen(path) - 1] == '/')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not a file's name", path);
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                "output '%s' exists and is not a regular file", path);
        return 0;
}

int swb_output_new(const char *path, struct swb_output **ret, struct swb_error *err)
{
        _cleanup_(swb_output_freep) struct swb_output *output = calloc(1, sizeof(*output));
        int r;

        if (!output)
                return swb_oom(err);
        output->fd = -EBADF;
        r = check_path(path, err);
        if (r < 0)
                return r;
        output->path = strdup(path);
        output->folder = swb_folder_of(path);
        if (!output->path || !output->folder)
                return swb_oom(err);
        output->fd = open(output->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
        if (output->fd < 0) {
                r = has_no_tmpfile(errno)
                            ? open_named(output, err)
                            : swb_fail_errno(err, errno, "make a file in '%s'", output->folder);
                if (r < 0)
                        return r;
        }
        *ret = SWB_TAKE_PTR(output);
        return 0;
}

struct swb_output *swb_output_free(struct swb_output *output)
{
        if (!output)
                return NULL;
        if (output->temporary)
                (void)unlink(output->temporary); /* nothing can be done about a failure */
        (void)swb_close(output->fd);
        free(output->temporary);
        free(output->folder);
        free(output->path);
        free(output);
        return NULL;
}

int swb_output_fd(const struct swb_output *output)
{
        return output->fd;
}

const char *swb_output_path(const struct swb_output *output)
{
        return output->path;
}

const char *swb_output_current_path(const struct swb_output *output, char *text)
{
        (void)snprintf(text, 64, "/proc/self/fd/%d", output->fd);
        return text;
}

/* Gives an unnamed file a temporary name, because only a rename replaces. */
static int name_it(struct swb_output *output, struct swb_error *err)
{
        char from[64];

        (void)swb_output_current_path(output, from);
        for (int i = 0; i < LINK_ATTEMPTS; i++) {
                _cleanup_free_ char *name = NULL;
                char suffix[32];

                (void)snprintf(suffix, sizeof(suffix), "%d-%d", (int)getpid(), i);
                name = hidden_name(output->folder, output->path, suffix);
                if (!name)
                        return swb_oom(err);
                if (linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
                        output->temporary = SWB_TAKE_PTR(name);
                        return 0;
                }
                if (errno != EEXIST)
                        return swb_fail_errno(err, errno, "name the output '%s'", name);
        }
        return swb_fail(err, -EEXIST, SWB_FAULT_IO, "no free temporary name beside '%s'",
                        output->path);
}

int swb_output_commit(struct swb_output *output, struct swb_error *err)
{
        int r = 0;

        if (fsync(output->fd) < 0)
                return swb_fail_errno(err, errno, "sync '%s'", output->path);
        if (!output->temporary)
                r = name_it(output, err);
        if (r < 0)
                return r;
        if (rename(output->temporary, output->path) < 0)
                return swb_fail_errno(err, errno, "rename '%s' to '%s'", output->temporary,
                                      output->path);
        free(output->temporary);
        output->temporary = NULL;
        return swb_sync_folder_of(output->path, err);
}

int swb_open_unnamed(const char *folder, int *ret_fd, struct swb_error *err)
{
        _cleanup_free_ char *name = NULL;
        int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

        if (fd < 0 && has_no_tmpfile(errno)) {
                name = hidden_name(folder, "swb-pack", "XXXXXX");
                if (!name)
                        return swb_oom(err);
                fd = mkostemp(name, O_CLOEXEC);
                if (fd >= 0)
                        (void)unlink(name); /* at worst an empty hidden file stays */
        }
        if (fd < 0)
                return swb_fail_errno(err, errno, "make a temporary file in '%s'", folder);
        *ret_fd = fd;
        return 0;
}
