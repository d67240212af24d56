/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/ext.h"

#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <sys/stat.h>

/* A damaged map can name blocks again and again; a whole one names each once (1 KiB blocks: four
 * times). */
#define NAMED_BLOCKS_FACTOR 8
#define FOLDER_DEPTH_MAX 1024

struct node {
        struct swb_file file;
        ext2_ino_t ino;
        ext2_ino_t parent; /* of a folder */
        char *name;        /* of a folder, in its parent */
};

struct entry {
        size_t folder; /* index of its node */
        size_t child;
        char *name;
};

struct walk {
        const struct swb_image *image;
        ext2_filsys fs;
        struct node *nodes; /* by inode number */
        size_t n_nodes, nodes_cap;
        struct entry *entries; /* files in folders */
        size_t n_entries, entries_cap;
        size_t current;          /* node being iterated */
        uint64_t next;           /* block of it, in the file's order, holes counted */
        uint64_t n_named_blocks; /* so far, in all files */
        int error;               /* of ours, inside a callback */
};

static void walk_done(struct walk *walk)
{
        for (size_t i = 0; i < walk->n_nodes; i++) {
                free(walk->nodes[i].name);
                swb_file_done(&walk->nodes[i].file);
        }
        for (size_t i = 0; i < walk->n_entries; i++)
                free(walk->entries[i].name);
        free(walk->nodes);
        free(walk->entries);
        if (walk->fs)
                (void)ext2fs_close_free(&walk->fs);
}

void swb_ext_files_done(struct swb_ext_files *list)
{
        for (size_t i = 0; i < list->n; i++)
                swb_file_done(&list->files[i]);
        free(list->files);
        *list = (struct swb_ext_files){0};
}

/* Makes room for one more element. */
static int grow(void *array, size_t n, size_t *cap, size_t element_bytes)
{
        size_t wanted = *cap ? *cap * 2 : 256;
        void *items;

        if (n < *cap)
                return 0;
        items = reallocarray(*(void **)array, wanted, element_bytes);
        if (!items)
                return -ENOMEM;
        *(void **)array = items;
        *cap = wanted;
        return 0;
}

static struct node *find_node(const struct walk *walk, ext2_ino_t ino)
{
        size_t low = 0, high = walk->n_nodes;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (walk->nodes[middle].ino < ino)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < walk->n_nodes && walk->nodes[low].ino == ino ? &walk->nodes[low] : NULL;
}

static enum swb_file_kind kind_of(const struct ext2_inode *inode)
{
        if (LINUX_S_ISDIR(inode->i_mode))
                return SWB_FILE_FOLDER;
        return LINUX_S_ISLNK(inode->i_mode) ? SWB_FILE_LINK : SWB_FILE_REGULAR;
}

/* What is left out before block `at` of the file that is iterated, which has n blocks. */
static int add_hole(struct walk *walk, struct swb_file *file, uint64_t at, uint64_t n)
{
        struct swb_hole hole = {.before = file->blocks.n_blocks};
        struct swb_hole *holes;

        if (at < walk->next)
                return 0; /* damaged: it goes backwards */
        hole.n_blocks = at - walk->next;
        walk->next = at + n;
        if (hole.n_blocks == 0)
                return 0;
        holes = reallocarray(file->holes, file->n_holes + 1, sizeof(*holes));
        if (!holes)
                return -ENOMEM;
        file->holes = holes;
        holes[file->n_holes++] = hole;
        return 0;
}

/* One file system block of a file; blocks of the map itself (negative count) stay in REST. */
static int on_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t count, blk64_t ref _unused_,
                    int ref_offset _unused_, void *private)
{
        struct walk *walk = private;
        struct swb_extent_list *blocks = &walk->nodes[walk->current].file.blocks;
        uint64_t start = *block * fs->blocksize / SWB_BLOCK_BYTES;
        uint64_t n = SWB_MAX(fs->blocksize / SWB_BLOCK_BYTES, 1u);
        const struct swb_extent *last = blocks->n ? &blocks->items[blocks->n - 1] : NULL;

        if (count < 0 || start >= walk->image->n_blocks || n > walk->image->n_blocks - start)
                return 0;
        if (last && n == 1 && last->start_block + last->n_blocks - 1 == start)
                return 0; /* next fragment of the same block */
        walk->n_named_blocks += n;
        if (walk->n_named_blocks > NAMED_BLOCKS_FACTOR * walk->image->n_blocks) {
                walk->error = -EBADMSG;
                return BLOCK_ABORT;
        }
        if (fs->blocksize >= SWB_BLOCK_BYTES)
                walk->error =
                        add_hole(walk, &walk->nodes[walk->current].file, (uint64_t)count * n, n);
        if (walk->error == 0)
                walk->error = swb_extent_list_add(blocks, start, n);
        return walk->error < 0 ? BLOCK_ABORT : 0;
}

static errcode_t add_inode(struct walk *walk, ext2_ino_t ino, struct ext2_inode *inode)
{
        struct node *node;
        errcode_t code;

        if (inode->i_links_count == 0 || inode->i_mode == 0)
                return 0;
        if (ino < EXT2_FIRST_INODE(walk->fs->super) && ino != EXT2_ROOT_INO)
                return 0; /* journal, reserved descriptors … stay in REST */
        walk->error = grow(&walk->nodes, walk->n_nodes, &walk->nodes_cap, sizeof(*walk->nodes));
        if (walk->error < 0)
                return 0;
        walk->current = walk->n_nodes;
        walk->next = 0;
        node = &walk->nodes[walk->n_nodes++];
        *node = (struct node){.ino = ino, .file.kind = kind_of(inode)};
        if (!ext2fs_inode_has_valid_blocks2(walk->fs, inode))
                return 0;
        code = ext2fs_block_iterate3(walk->fs, ino, BLOCK_FLAG_READ_ONLY, NULL, on_block, walk);
        return code == EXT2_ET_INLINE_DATA_CANT_ITERATE ? 0 : code;
}

static errcode_t list_inodes(struct walk *walk)
{
        ext2_inode_scan scan = NULL;
        errcode_t code = ext2fs_open_inode_scan(walk->fs, 0, &scan);

        while (!code && walk->error == 0) {
                struct ext2_inode inode;
                ext2_ino_t ino = 0;

                code = ext2fs_get_next_inode(scan, &ino, &inode);
                if (code || ino == 0)
                        break;
                code = add_inode(walk, ino, &inode);
        }
        if (scan)
                ext2fs_close_inode_scan(scan);
        return code;
}

static int add_entry(struct walk *walk, const struct node *child, char *name)
{
        int r = grow(&walk->entries, walk->n_entries, &walk->entries_cap, sizeof(*walk->entries));

        if (r < 0) {
                free(name);
                return r;
        }
        walk->entries[walk->n_entries++] = (struct entry){
                .folder = walk->current, .child = (size_t)(child - walk->nodes), .name = name};
        return 0;
}

static int on_entry(ext2_ino_t folder, int kind, struct ext2_dir_entry *entry, int offset _unused_,
                    int block_size _unused_, char *buf _unused_, void *private)
{
        struct walk *walk = private;
        struct node *child = find_node(walk, entry->inode);
        char *name;

        if (kind != DIRENT_OTHER_FILE || !child)
                return 0;
        name = strndup(entry->name, (size_t)ext2fs_dirent_name_len(entry));
        /* the parent of a folder with inline data comes as an entry like any other */
        if (name && (strcmp(name, "..") == 0 || strcmp(name, ".") == 0)) {
                free(name);
                return 0;
        }
        if (!name) {
                walk->error = -ENOMEM;
        } else if (child->file.kind != SWB_FILE_FOLDER) {
                walk->error = add_entry(walk, child, name);
        } else {
                free(child->name);
                child->name = name;
                child->parent = folder;
        }
        return walk->error < 0 ? DIRENT_ABORT : 0;
}

static errcode_t list_folders(struct walk *walk)
{
        for (size_t i = 0; i < walk->n_nodes && walk->error == 0; i++) {
                errcode_t code;

                if (walk->nodes[i].file.kind != SWB_FILE_FOLDER)
                        continue;
                walk->current = i;
                code = ext2fs_dir_iterate2(walk->fs, walk->nodes[i].ino, 0, NULL, on_entry, walk);
                if (code)
                        return code;
        }
        return 0;
}

static char *join(const char *folder, const char *name)
{
        char *path = NULL;

        return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* Names a folder whose parents may have no path yet. In a damaged file system they may form a loop,
 * which ends at the depth limit: then a folder, as one without a parent, is named by its number. */
static int name_folder(struct walk *walk, struct node *folder)
{
        struct node *chain[FOLDER_DEPTH_MAX];
        size_t n = 0;

        for (struct node *f = folder; f && !f->file.path && n < FOLDER_DEPTH_MAX;) {
                chain[n++] = f;
                f = f->name ? find_node(walk, f->parent) : NULL;
        }
        while (n > 0) {
                struct node *f = chain[--n];
                struct node *parent = f->name ? find_node(walk, f->parent) : NULL;

                if (f->file.path)
                        continue; /* met twice, in a loop */
                if (f->ino == EXT2_ROOT_INO)
                        f->file.path = strdup("");
                else if (parent && parent->file.path)
                        f->file.path = join(parent->file.path, f->name);
                else if (asprintf(&f->file.path, "<folder %u>", f->ino) < 0)
                        f->file.path = NULL;
                if (!f->file.path)
                        return -ENOMEM;
        }
        return 0;
}

/* Takes over a further name of a file; beyond the limit it is dropped. */
static int add_link(struct swb_file *file, char *name)
{
        char **links;

        if (file->n_links == SWB_FILE_LINKS_MAX) {
                free(name);
                return 0;
        }
        links = reallocarray(file->links, file->n_links + 1, sizeof(*links));
        if (!links) {
                free(name);
                return -ENOMEM;
        }
        file->links = links;
        links[file->n_links++] = name;
        return 0;
}

static int name_file(struct walk *walk, const struct entry *entry)
{
        struct swb_file *file = &walk->nodes[entry->child].file;
        char *path = join(walk->nodes[entry->folder].file.path, entry->name), *other;

        if (!path)
                return -ENOMEM;
        if (!file->path || strcmp(path, file->path) < 0) {
                other = file->path;
                file->path = path;
        } else {
                other = path;
        }
        return other ? add_link(file, other) : 0;
}

static int name_all(struct walk *walk)
{
        int r = 0;

        for (size_t i = 0; i < walk->n_nodes && r == 0; i++)
                if (walk->nodes[i].file.kind == SWB_FILE_FOLDER)
                        r = name_folder(walk, &walk->nodes[i]);
        for (size_t i = 0; i < walk->n_entries && r == 0; i++)
                r = name_file(walk, &walk->entries[i]);
        for (size_t i = 0; i < walk->n_nodes && r == 0; i++)
                if (!walk->nodes[i].file.path &&
                    asprintf(&walk->nodes[i].file.path, "<inode %u>", walk->nodes[i].ino) < 0) {
                        walk->nodes[i].file.path = NULL;
                        r = -ENOMEM;
                }
        return r;
}

static int take_files(struct walk *walk, struct swb_ext_files *ret)
{
        struct swb_ext_files list = {0};

        list.files = calloc(walk->n_nodes + 1, sizeof(*list.files));
        if (!list.files)
                return -ENOMEM;
        for (size_t i = 0; i < walk->n_nodes; i++) {
                list.files[list.n++] = walk->nodes[i].file;
                walk->nodes[i].file = (struct swb_file){0};
        }
        *ret = list;
        return 0;
}

static int unreadable(errcode_t code, char *reason, size_t n_reason)
{
        (void)snprintf(reason, n_reason, "%s", error_message(code));
        return SWB_EXT_UNREADABLE;
}

int swb_ext_list(const struct swb_image *image, struct swb_ext_files *ret, char *reason,
                 size_t n_reason, struct swb_error *err)
{
        _cleanup_(walk_done) struct walk walk = {.image = image};
        errcode_t code;
        int r;

        initialize_ext2_error_table();
        code = ext2fs_open(image->path,
                           EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | EXT2_FLAG_SOFTSUPP_FEATURES |
                                   EXT2_FLAG_IGNORE_CSUM_ERRORS,
                           0, 0, unix_io_manager, &walk.fs);
        if (code == EXT2_ET_BAD_MAGIC || code == EXT2_ET_SHORT_READ)
                return SWB_EXT_NONE;
        if (code)
                return unreadable(code, reason, n_reason);
        code = list_inodes(&walk);
        if (!code && walk.error == 0)
                code = list_folders(&walk);
        if (code == EXT2_ET_NO_MEMORY || walk.error == -ENOMEM)
                return swb_oom(err);
        if (code || walk.error < 0)
                return unreadable(code ? code : EXT2_ET_CORRUPT_SUPERBLOCK, reason, n_reason);
        r = name_all(&walk);
        if (r >= 0)
                r = take_files(&walk, ret);
        return r < 0 ? swb_oom(err) : SWB_EXT_FILES;
}
