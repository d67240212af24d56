/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/fill.h"

#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/text.h"
#include "os/file.h"

#define CHUNK_BYTES ((size_t)1 << 20)
#define TARGET_MAX 4096
#define ATTRIBUTES_MAX (64u << 10)
#define LOST_AND_FOUND "/lost+found" /* mke2fs has made it */

struct filler {
        const struct swb_fill *fill;
        struct swb_folder *folder;
        ext2_filsys fs;
        uint8_t *chunk;
};

static int fail(errcode_t code, const char *path, struct swb_error *err)
{
        switch (code) {
        case EXT2_ET_BLOCK_ALLOC_FAIL:
        case EXT2_ET_INODE_ALLOC_FAIL:
        case ENOSPC:
                return swb_fail(err, -ENOSPC, SWB_FAULT_NO_SPACE,
                                "'%s' does not fit: give the image a larger --size or more "
                                "--inodes",
                                path);
        case EXT2_ET_NO_MEMORY:
                return swb_oom(err);
        default:
                return swb_fail(err, -EIO, SWB_FAULT_IO, "put '%s' into the image: %s", path,
                                error_message(code));
        }
}

/* A folder's first block is full after some names: it gets one more. */
static errcode_t link_name(ext2_filsys fs, ext2_ino_t parent, const char *name, ext2_ino_t ino,
                           int type)
{
        errcode_t code = ext2fs_link(fs, parent, name, ino, type);

        if (code != EXT2_ET_DIR_NO_SPACE)
                return code;
        code = ext2fs_expand_dir(fs, parent);
        return code ? code : ext2fs_link(fs, parent, name, ino, type);
}

static int type_of(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return EXT2_FT_DIR;
        case S_IFLNK:
                return EXT2_FT_SYMLINK;
        case S_IFCHR:
                return EXT2_FT_CHRDEV;
        case S_IFBLK:
                return EXT2_FT_BLKDEV;
        case S_IFIFO:
                return EXT2_FT_FIFO;
        case S_IFSOCK:
                return EXT2_FT_SOCK;
        default:
                return EXT2_FT_REG_FILE;
        }
}

/* A regular file without content, a device, a pipe or a socket. */
static errcode_t make_inode(struct filler *f, ext2_ino_t parent, struct swb_folder_entry *entry)
{
        struct ext2_inode inode = {.i_mode = (uint16_t)entry->st.st_mode, .i_links_count = 1};
        unsigned major_number = major(entry->st.st_rdev), minor_number = minor(entry->st.st_rdev);
        ext2_extent_handle_t handle;
        errcode_t code;

        code = ext2fs_new_inode(f->fs, parent, entry->st.st_mode, NULL, &entry->ino);
        if (code)
                return code;
        ext2fs_inode_alloc_stats2(f->fs, entry->ino, +1, 0);
        if (S_ISREG(entry->st.st_mode)) {
                inode.i_flags = EXT4_EXTENTS_FL;
        } else if ((S_ISCHR(entry->st.st_mode) || S_ISBLK(entry->st.st_mode)) &&
                   major_number < 256 && minor_number < 256) {
                inode.i_block[0] = major_number << 8 | minor_number;
        } else if (S_ISCHR(entry->st.st_mode) || S_ISBLK(entry->st.st_mode)) {
                inode.i_block[1] =
                        (minor_number & 0xff) | major_number << 8 | (minor_number & ~0xffu) << 12;
        }
        code = ext2fs_write_new_inode(f->fs, entry->ino, &inode);
        if (code || !S_ISREG(entry->st.st_mode))
                return code;
        code = ext2fs_extent_open2(f->fs, entry->ino, &inode, &handle); /* an empty map */
        if (code)
                return code;
        ext2fs_extent_free(handle);
        return ext2fs_write_inode(f->fs, entry->ino, &inode);
}

static bool is_zero(const uint8_t *data, size_t n)
{
        return n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0);
}

/* Blocks of zeros become holes, whether or not the host's file system had them: it may not have
 * any. */
static errcode_t write_chunk(struct filler *f, ext2_file_t file, uint64_t offset, size_t n)
{
        size_t block = f->fs->blocksize;
        errcode_t code = 0;

        for (size_t at = 0; !code && at < n;) {
                size_t end = at;
                unsigned written;

                while (end < n && !is_zero(f->chunk + end, SWB_MIN(block, n - end)))
                        end += SWB_MIN(block, n - end);
                if (end > at) {
                        code = ext2fs_file_llseek(file, offset + at, EXT2_SEEK_SET, NULL);
                        if (!code)
                                code = ext2fs_file_write(file, f->chunk + at, (unsigned)(end - at),
                                                         &written);
                        at = end;
                } else {
                        at += SWB_MIN(block, n - at);
                }
        }
        return code;
}

static int copy_content(struct filler *f, int fd, const char *host,
                        const struct swb_folder_entry *entry, ext2_file_t file,
                        struct swb_error *err)
{
        uint64_t size = (uint64_t)entry->st.st_size, offset = 0;
        errcode_t code = 0;

        while (!code && offset < size) {
                size_t n = (size_t)SWB_MIN(size - offset, (uint64_t)CHUNK_BYTES);
                int r = swb_pread(fd, host, f->chunk, n, offset, err);

                if (r < 0)
                        return r;
                code = write_chunk(f, file, offset, n);
                offset += n;
        }
        if (!code)
                code = ext2fs_file_set_size2(file, (ext2_off64_t)size);
        return code ? fail(code, entry->path, err) : 0;
}

static int fill_file(struct filler *f, const struct swb_folder_entry *entry, struct swb_error *err)
{
        _cleanup_free_ char *host = swb_folder_host_path(f->folder, entry);
        _cleanup_close_ int fd = host ? open(host, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -EBADF;
        ext2_file_t file;
        errcode_t code;
        int r;

        if (!host)
                return swb_oom(err);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", host);
        code = ext2fs_file_open(f->fs, entry->ino, EXT2_FILE_WRITE, &file);
        if (code)
                return fail(code, entry->path, err);
        r = copy_content(f, fd, host, entry, file, err);
        code = ext2fs_file_close(file);
        if (r < 0)
                return r;
        return code ? fail(code, entry->path, err) : 0;
}

static errcode_t make_folder(struct filler *f, ext2_ino_t parent, const char *name,
                             struct swb_folder_entry *entry)
{
        errcode_t code;

        if (strcmp(entry->path, LOST_AND_FOUND) == 0)
                return ext2fs_lookup(f->fs, parent, name, (int)strlen(name), NULL, &entry->ino);
        code = ext2fs_new_inode(f->fs, parent, LINUX_S_IFDIR | 0755, NULL, &entry->ino);
        if (code)
                return code;
        code = ext2fs_mkdir(f->fs, parent, entry->ino, name);
        if (code != EXT2_ET_DIR_NO_SPACE)
                return code;
        code = ext2fs_expand_dir(f->fs, parent);
        return code ? code : ext2fs_mkdir(f->fs, parent, entry->ino, name);
}

static int make_link(struct filler *f, ext2_ino_t parent, const char *name,
                     struct swb_folder_entry *entry, struct swb_error *err)
{
        _cleanup_free_ char *host = swb_folder_host_path(f->folder, entry);
        char target[TARGET_MAX];
        errcode_t code;
        ssize_t n;

        if (!host)
                return swb_oom(err);
        n = readlink(host, target, sizeof(target) - 1);
        if (n < 0)
                return swb_fail_errno(err, errno, "read the link '%s'", host);
        target[n] = '\0';
        code = ext2fs_new_inode(f->fs, parent, LINUX_S_IFLNK | 0777, NULL, &entry->ino);
        if (!code)
                code = ext2fs_symlink(f->fs, parent, entry->ino, name, target);
        if (code == EXT2_ET_DIR_NO_SPACE) {
                code = ext2fs_expand_dir(f->fs, parent);
                if (!code)
                        code = ext2fs_symlink(f->fs, parent, entry->ino, name, target);
        }
        return code ? fail(code, entry->path, err) : 0;
}

/* A further name of a file that is there already. */
static errcode_t add_name(struct filler *f, ext2_ino_t parent, const char *name,
                          struct swb_folder_entry *entry)
{
        struct ext2_inode inode;
        errcode_t code;

        entry->ino = f->folder->entries[entry->hard_link].ino;
        code = link_name(f->fs, parent, name, entry->ino, type_of(entry->st.st_mode));
        if (!code)
                code = ext2fs_read_inode(f->fs, entry->ino, &inode);
        if (code)
                return code;
        inode.i_links_count++;
        return ext2fs_write_inode(f->fs, entry->ino, &inode);
}

static int put(struct filler *f, size_t index, struct swb_error *err)
{
        struct swb_folder_entry *entry = &f->folder->entries[index];
        const char *name = strrchr(entry->path, '/') + 1;
        ext2_ino_t parent = swb_folder_parent(f->folder, entry->path)->ino;
        errcode_t code;

        if (S_ISLNK(entry->st.st_mode) && entry->hard_link == index)
                return make_link(f, parent, name, entry, err);
        if (S_ISDIR(entry->st.st_mode)) {
                code = make_folder(f, parent, name, entry);
        } else if (entry->hard_link != index) {
                code = add_name(f, parent, name, entry);
        } else {
                code = make_inode(f, parent, entry);
                if (!code)
                        code = link_name(f->fs, parent, name, entry->ino,
                                         type_of(entry->st.st_mode));
                if (!code && S_ISREG(entry->st.st_mode))
                        return fill_file(f, entry, err);
        }
        return code ? fail(code, entry->path, err) : 0;
}

/* ---- attributes ---- */

static bool is_kept(const char *name)
{
        return strcmp(name, "security.capability") == 0 || swb_starts_with(name, "user.");
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int set_attribute(struct ext2_xattr_handle *handle, const char *host, const char *name,
                         struct swb_error *err)
{
        _cleanup_free_ char *value = malloc(ATTRIBUTES_MAX);
        ssize_t n;
        errcode_t code;

        if (!value)
                return swb_oom(err);
        n = lgetxattr(host, name, value, ATTRIBUTES_MAX);
        if (n < 0)
                return swb_fail_errno(err, errno, "read attribute %s of '%s'", name, host);
        code = ext2fs_xattr_set(handle, name, value, (size_t)n);
        return code ? fail(code, host, err) : 0;
}

static int set_attributes(struct ext2_xattr_handle *handle, const char *host, char *list, size_t n,
                          struct swb_error *err)
{
        const char *names[256];
        size_t n_names = 0;
        int r = 0;

        for (char *p = list; p < list + n && n_names < SWB_ELEMENTS(names); p += strlen(p) + 1)
                if (is_kept(p))
                        names[n_names++] = p;
        qsort(names, n_names, sizeof(*names), by_name);
        for (size_t i = 0; r >= 0 && i < n_names; i++)
                r = set_attribute(handle, host, names[i], err);
        return r;
}

static int copy_attributes(struct filler *f, const struct swb_folder_entry *entry,
                           struct swb_error *err)
{
        _cleanup_free_ char *host = swb_folder_host_path(f->folder, entry);
        _cleanup_free_ char *list = malloc(ATTRIBUTES_MAX + 1);
        struct ext2_xattr_handle *handle;
        errcode_t code;
        ssize_t n;
        int r;

        if (!host || !list)
                return swb_oom(err);
        n = llistxattr(host, list, ATTRIBUTES_MAX);
        if (n < 0 && errno != ENOTSUP)
                return swb_fail_errno(err, errno, "list attributes of '%s'", host);
        if (n <= 0)
                return 0;
        list[n] = '\0';
        code = ext2fs_xattrs_open(f->fs, entry->ino, &handle);
        if (code)
                return fail(code, entry->path, err);
        r = set_attributes(handle, host, list, (size_t)n, err);
        code = ext2fs_xattrs_close(&handle); /* writes them */
        if (r < 0)
                return r;
        return code ? fail(code, entry->path, err) : 0;
}

/* ---- owners, permissions, times ---- */

static void set_times(struct ext2_inode_large *inode, int64_t time)
{
        /* Seconds are 34 bits: the two above 32 lie beside the nanoseconds. */
        uint32_t low = (uint32_t)time, high = (uint32_t)((time - (int32_t)low) >> 32) & 3;

        inode->i_mtime = inode->i_atime = inode->i_ctime = inode->i_crtime = low;
        inode->i_mtime_extra = inode->i_atime_extra = inode->i_ctime_extra = high;
        inode->i_crtime_extra = high;
}

static int settle(struct filler *f, const struct swb_folder_entry *entry, struct swb_error *err)
{
        struct ext2_inode_large inode;
        struct ext2_inode *small = (struct ext2_inode *)&inode;
        uint32_t uid = f->fill->keep_owners ? entry->st.st_uid : 0;
        uint32_t gid = f->fill->keep_owners ? entry->st.st_gid : 0;
        errcode_t code;
        int r;

        r = copy_attributes(f, entry, err);
        if (r < 0)
                return r;
        code = ext2fs_read_inode_full(f->fs, entry->ino, small, sizeof(inode));
        if (code)
                return fail(code, entry->path, err);
        inode.i_mode = (uint16_t)entry->st.st_mode;
        inode.i_uid = (uint16_t)uid;
        inode.i_gid = (uint16_t)gid;
        ext2fs_set_i_uid_high(inode, (uint16_t)(uid >> 16));
        ext2fs_set_i_gid_high(inode, (uint16_t)(gid >> 16));
        set_times(&inode, SWB_MIN((int64_t)entry->st.st_mtime, f->fill->built));
        code = ext2fs_write_inode_full(f->fs, entry->ino, small, sizeof(inode));
        return code ? fail(code, entry->path, err) : 0;
}

static int fill(struct filler *f, struct swb_error *err)
{
        int r = 0;

        f->folder->entries[0].ino = EXT2_ROOT_INO;
        for (size_t i = 1; r >= 0 && i < f->folder->n; i++)
                r = put(f, i, err);
        /* At the end: what is put into a folder changes it. */
        for (size_t i = 0; r >= 0 && i < f->folder->n; i++)
                if (f->folder->entries[i].hard_link == i)
                        r = settle(f, &f->folder->entries[i], err);
        return r;
}

int swb_fill_image(const struct swb_fill *how, struct swb_folder *folder, struct swb_error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);
        struct filler f = {.fill = how, .folder = folder, .chunk = chunk};
        errcode_t code;
        int r;

        if (!chunk)
                return swb_oom(err);
        initialize_ext2_error_table();
        code = ext2fs_open(how->image, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, unix_io_manager,
                           &f.fs);
        if (code)
                return fail(code, how->image, err);
        f.fs->now = (time_t)how->built;
        code = ext2fs_read_bitmaps(f.fs);
        r = code ? fail(code, how->image, err) : fill(&f, err);
        code = ext2fs_close_free(&f.fs);
        if (r < 0)
                return r;
        return code ? fail(code, how->image, err) : 0;
}
