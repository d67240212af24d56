/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/scan.h"

#include "generator/scan/ext.h"

#define NO_OWNER UINT32_MAX

void swb_file_done(struct swb_file *file)
{
        for (size_t i = 0; i < file->n_links; i++)
                free(file->links[i]);
        free(file->links);
        free(file->path);
        swb_extent_list_done(&file->blocks);
        free(file->holes);
        *file = (struct swb_file){0};
}

struct swb_scan *swb_scan_free(struct swb_scan *scan)
{
        if (!scan)
                return NULL;
        for (size_t i = 0; i < scan->n_files; i++)
                swb_file_done(&scan->files[i]);
        free(scan->files);
        free(scan->owner);
        free(scan);
        return NULL;
}

static int compare_files(const void *a, const void *b)
{
        const struct swb_file *x = a, *y = b;

        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return strcmp(x->path, y->path);
}

int swb_file_content(const struct swb_file *file, struct swb_extent_list *list)
{
        uint64_t done = 0;

        for (size_t i = 0; i < file->n_holes; i++) {
                const struct swb_hole *hole = &file->holes[i];

                if (swb_extent_list_append_slice(list, &file->blocks, done, hole->before - done) <
                            0 ||
                    swb_extent_list_add(list, SWB_SPARSE_HOLE, hole->n_blocks) < 0)
                        return -ENOMEM;
                done = hole->before;
        }
        return swb_extent_list_append_slice(list, &file->blocks, done, UINT64_MAX);
}

/* Gives `owner` the blocks of `from` that nobody has yet. */
static int claim(struct swb_scan *scan, uint32_t owner, const struct swb_extent_list *from,
                 struct swb_extent_list *claimed)
{
        for (size_t i = 0; i < from->n; i++)
                for (uint64_t k = 0; k < from->items[i].n_blocks; k++) {
                        uint64_t block = from->items[i].start_block + k;

                        if (scan->owner[block] != NO_OWNER)
                                continue;
                        scan->owner[block] = owner;
                        if (swb_extent_list_add(claimed, block, 1) < 0)
                                return -ENOMEM;
                }
        return 0;
}

/* Moves the files over, each with the blocks that are its own; files without any are dropped. */
static int take_files(struct swb_scan *scan, struct swb_ext_files *list)
{
        if (list->n > 0) /* qsort() takes no NULL */
                qsort(list->files, list->n, sizeof(*list->files), compare_files);
        for (size_t i = 0; i < list->n; i++) {
                struct swb_file *file = &list->files[i];
                struct swb_extent_list claimed = {0};

                if (claim(scan, (uint32_t)scan->n_files, &file->blocks, &claimed) < 0) {
                        swb_extent_list_done(&claimed);
                        return -ENOMEM;
                }
                if (claimed.n_blocks == 0)
                        continue;
                if (claimed.n_blocks != file->blocks.n_blocks)
                        file->n_holes = 0; /* they are between others now */
                swb_extent_list_done(&file->blocks);
                file->blocks = claimed;
                scan->files[scan->n_files++] = *file;
                *file = (struct swb_file){0};
        }
        return 0;
}

static int add_rest(struct swb_scan *scan)
{
        const struct swb_extent whole = {.start_block = 0, .n_blocks = scan->image->n_blocks};
        const struct swb_extent_list all = {
                .items = (struct swb_extent *)&whole, .n = 1, .n_blocks = whole.n_blocks};
        struct swb_file *rest = &scan->files[scan->n_files];

        *rest = (struct swb_file){.path = strdup(""), .kind = SWB_FILE_REST};
        scan->n_files++;
        if (!rest->path)
                return -ENOMEM;
        return claim(scan, (uint32_t)(scan->n_files - 1), &all, &rest->blocks);
}

static int build(struct swb_scan *scan, struct swb_ext_files *list)
{
        scan->files = calloc(list->n + 1, sizeof(*scan->files));
        scan->owner = malloc(scan->image->n_blocks * sizeof(*scan->owner));
        if (!scan->files || !scan->owner)
                return -ENOMEM;
        memset(scan->owner, 0xff, scan->image->n_blocks * sizeof(*scan->owner));
        if (take_files(scan, list) < 0)
                return -ENOMEM;
        return add_rest(scan);
}

int swb_scan_new(const struct swb_image *image, bool raw, struct swb_scan **ret,
                 struct swb_error *err)
{
        _cleanup_(swb_ext_files_done) struct swb_ext_files list = {0};
        _cleanup_(swb_scan_freep) struct swb_scan *scan = calloc(1, sizeof(*scan));
        int r = SWB_EXT_NONE;

        if (!scan)
                return swb_oom(err);
        scan->image = image;
        if (!raw)
                r = swb_ext_list(image, &list, scan->reason, sizeof(scan->reason), err);
        if (r < 0)
                return swb_wrap(err, r, "scan '%s'", image->path);
        scan->raw = r != SWB_EXT_FILES;
        if (build(scan, &list) < 0)
                return swb_oom(err);
        *ret = SWB_TAKE_PTR(scan);
        return 0;
}
