/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/tree.h"

#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <sys/stat.h>

#define LINKS_MAX 40
#define DEPTH_MAX 256 /* a damaged file system may have folders in a circle */

struct swb_tree {
        ext2_filsys fs;
        struct swb_tree_entry *entries;
        size_t n, cap;
        /* While listing: */
        size_t current; /* the folder */
        int error;
};

struct swb_tree *swb_tree_free(struct swb_tree *tree)
{
        if (!tree)
                return NULL;
        for (size_t i = 0; i < tree->n; i++)
                free(tree->entries[i].path);
        free(tree->entries);
        if (tree->fs)
                (void)ext2fs_close_free(&tree->fs);
        free(tree);
        return NULL;
}

/* ---- listing ---- */

/* Takes path. */
static int add(struct swb_tree *tree, char *path, ext2_ino_t ino)
{
        struct ext2_inode inode;
        size_t cap = tree->cap ? tree->cap * 2 : 1024;

        if (tree->n == tree->cap) {
                struct swb_tree_entry *entries = reallocarray(tree->entries, cap, sizeof(*entries));

                if (!entries) {
                        free(path);
                        return -ENOMEM;
                }
                tree->entries = entries;
                tree->cap = cap;
        }
        if (tree->n == SWB_TREE_ENTRIES_MAX || ext2fs_read_inode(tree->fs, ino, &inode)) {
                free(path);
                return tree->n == SWB_TREE_ENTRIES_MAX ? -E2BIG : -EBADMSG;
        }
        tree->entries[tree->n++] = (struct swb_tree_entry){
                .path = path,
                .ino = ino,
                .mode = inode.i_mode,
                .uid = inode_uid(inode),
                .n_bytes = EXT2_I_SIZE(&inode),
                .mtime = inode.i_mtime, /* to 2106, which is enough for "later than the build" */
        };
        return 0;
}

static int on_entry(ext2_ino_t folder _unused_, int kind _unused_, struct ext2_dir_entry *entry,
                    int offset _unused_, int block_size _unused_, char *buf _unused_, void *private)
{
        struct swb_tree *tree = private;
        int n = ext2fs_dirent_name_len(entry);
        char *path = NULL;

        if (entry->inode == 0 || (n <= 2 && strncmp(entry->name, "..", (size_t)n) == 0))
                return 0;
        if (asprintf(&path, "%s/%.*s", tree->entries[tree->current].path, n, entry->name) < 0)
                tree->error = -ENOMEM;
        else
                tree->error = add(tree, path, entry->inode);
        return tree->error < 0 ? DIRENT_ABORT : 0;
}

static size_t depth_of(const char *path)
{
        size_t n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct swb_tree_entry *)a)->path,
                      ((const struct swb_tree_entry *)b)->path);
}

/* Folders are gone through in the order in which they are found: no recursion. */
static int list(struct swb_tree *tree)
{
        char *root = strdup("");
        int r = root ? add(tree, root, EXT2_ROOT_INO) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < tree->n; i++) {
                const struct swb_tree_entry *entry = &tree->entries[i];
                errcode_t code;

                if (!S_ISDIR(entry->mode))
                        continue;
                if (depth_of(entry->path) > DEPTH_MAX)
                        return -EBADMSG;
                tree->current = i;
                code = ext2fs_dir_iterate2(tree->fs, entry->ino, 0, NULL, on_entry, tree);
                r = tree->error < 0 ? tree->error : code ? -EBADMSG : 0;
        }
        if (r >= 0)
                qsort(tree->entries, tree->n, sizeof(*tree->entries), by_path);
        return r;
}

static int explain(const char *path, int r, struct swb_error *err)
{
        if (r == -ENOMEM)
                return swb_oom(err);
        if (r == -E2BIG)
                return swb_fail(err, r, SWB_FAULT_LIMIT, "'%s': more than %u files", path,
                                SWB_TREE_ENTRIES_MAX);
        return swb_fail(err, r, SWB_FAULT_FORMAT,
                        "'%s': its file system is damaged (e2fsck -fn says more)", path);
}

int swb_tree_open(const char *path, struct swb_tree **ret, struct swb_error *err)
{
        _cleanup_(swb_tree_freep) struct swb_tree *tree = calloc(1, sizeof(*tree));
        errcode_t code;
        int r;

        if (!tree)
                return swb_oom(err);
        if (access(path, R_OK) < 0)
                return swb_fail_errno(err, errno, "open image '%s'", path);
        initialize_ext2_error_table();
        code = ext2fs_open(path, EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES, 0, 0,
                           unix_io_manager, &tree->fs);
        if (code == EXT2_ET_BAD_MAGIC || code == EXT2_ET_SHORT_READ)
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "'%s' holds no ext2, ext3 or ext4 file system", path);
        if (code)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s': %s", path,
                                error_message(code));
        r = list(tree);
        if (r < 0)
                return explain(path, r, err);
        *ret = SWB_TAKE_PTR(tree);
        return 0;
}

/* ---- looking ---- */

struct swb_tree_facts swb_tree_facts(const struct swb_tree *tree)
{
        const struct ext2_super_block *super = tree->fs->super;

        return (struct swb_tree_facts){
                .has_journal = ext2fs_has_feature_journal(tree->fs->super),
                .is_clean = (super->s_state & EXT2_VALID_FS) &&
                            !ext2fs_has_feature_journal_needs_recovery(tree->fs->super),
                .n_mounts = super->s_mnt_count,
        };
}

const struct swb_tree_entry *swb_tree_at(const struct swb_tree *tree, size_t index)
{
        return index < tree->n ? &tree->entries[index] : NULL;
}

size_t swb_tree_first(const struct swb_tree *tree, const char *path)
{
        size_t low = 0, high = tree->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(tree->entries[middle].path, path) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct swb_tree_entry *swb_tree_find_link(const struct swb_tree *tree, const char *path)
{
        const struct swb_tree_entry *entry = swb_tree_at(tree, swb_tree_first(tree, path));

        return entry && strcmp(entry->path, path) == 0 ? entry : NULL;
}

static int read_data(struct swb_tree *tree, ext2_ino_t ino, char *data, unsigned n_bytes,
                     unsigned *ret_n)
{
        ext2_file_t file;
        errcode_t code = ext2fs_file_open(tree->fs, ino, 0, &file);

        if (code)
                return -EIO;
        code = ext2fs_file_read(file, data, n_bytes, ret_n);
        (void)ext2fs_file_close(file);
        return code ? -EIO : 0;
}

/* Short targets lie in the inode. */
static int read_link(struct swb_tree *tree, const struct swb_tree_entry *entry,
                     char target[SWB_TREE_PATH_MAX])
{
        struct ext2_inode inode;
        unsigned n = 0;

        if (entry->n_bytes >= SWB_TREE_PATH_MAX || ext2fs_read_inode(tree->fs, entry->ino, &inode))
                return -EIO;
        if (ext2fs_is_fast_symlink(&inode)) {
                n = (unsigned)SWB_MIN(entry->n_bytes, sizeof(inode.i_block));
                memcpy(target, inode.i_block, n);
        } else if (read_data(tree, entry->ino, target, SWB_TREE_PATH_MAX - 1, &n) < 0) {
                return -EIO;
        }
        target[n] = '\0';
        return 0;
}

/* Puts a link's target in front of what is left of the path. */
static int put_before(char *rest, const char *target)
{
        char whole[2 * SWB_TREE_PATH_MAX];
        int n = snprintf(whole, sizeof(whole), "%s/%s", target, rest);

        if (n < 0 || n >= SWB_TREE_PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(rest, whole, (size_t)n + 1);
        return 0;
}

/* One component on from `done`. Return: 1 when it was a link, now in front of rest. */
static int step(struct swb_tree *tree, char *done, const char *name, char *rest)
{
        size_t n_done = strlen(done);
        const struct swb_tree_entry *entry;
        char target[SWB_TREE_PATH_MAX];
        int r;

        if (*name == '\0' || strcmp(name, ".") == 0)
                return 0;
        if (strcmp(name, "..") == 0) {
                char *slash = strrchr(done, '/');

                if (slash)
                        *slash = '\0';
                return 0;
        }
        if (n_done + 1 + strlen(name) >= SWB_TREE_PATH_MAX)
                return -ENAMETOOLONG;
        (void)snprintf(done + n_done, SWB_TREE_PATH_MAX - n_done, "/%s", name);
        entry = swb_tree_find_link(tree, done);
        if (!entry || !S_ISLNK(entry->mode))
                return 0;
        r = read_link(tree, entry, target);
        if (r < 0)
                return r;
        done[*target == '/' ? 0 : n_done] = '\0';
        r = put_before(rest, target);
        return r < 0 ? r : 1;
}

int swb_tree_resolve(struct swb_tree *tree, const char *path, char ret[SWB_TREE_PATH_MAX])
{
        char rest[SWB_TREE_PATH_MAX], done[SWB_TREE_PATH_MAX] = "";
        unsigned n_links = 0;

        if (strlen(path) >= sizeof(rest))
                return -ENAMETOOLONG;
        (void)snprintf(rest, sizeof(rest), "%s", path);
        while (*rest) {
                char name[SWB_TREE_PATH_MAX];
                size_t n = strcspn(rest, "/");
                int r;

                (void)snprintf(name, sizeof(name), "%.*s", (int)n, rest);
                n += rest[n] == '/';
                memmove(rest, rest + n, strlen(rest + n) + 1);
                r = step(tree, done, name, rest);
                if (r < 0)
                        return r;
                n_links += r == 1;
                if (n_links > LINKS_MAX)
                        return -ELOOP;
        }
        (void)snprintf(ret, SWB_TREE_PATH_MAX, "%s", done);
        return 0;
}

const struct swb_tree_entry *swb_tree_find(struct swb_tree *tree, const char *path)
{
        char real[SWB_TREE_PATH_MAX];

        return swb_tree_resolve(tree, path, real) < 0 ? NULL : swb_tree_find_link(tree, real);
}

char *swb_tree_read(struct swb_tree *tree, const char *path)
{
        const struct swb_tree_entry *entry = swb_tree_find(tree, path);
        _cleanup_free_ char *text = NULL;
        unsigned n = 0;

        if (!entry || !S_ISREG(entry->mode))
                return strdup("");
        n = (unsigned)SWB_MIN(entry->n_bytes, SWB_TREE_FILE_MAX);
        text = malloc((size_t)n + 1);
        if (!text || (n > 0 && read_data(tree, entry->ino, text, n, &n) < 0))
                return NULL;
        text[n] = '\0';
        return SWB_TAKE_PTR(text);
}
