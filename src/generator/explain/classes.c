/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/classes.h"

#include "generator/explain/lots.h"

#define HEAD_BYTES SWB_BLOCK_BYTES

const char *swb_class_to_string(enum swb_class class)
{
        static const char *const names[_SWB_CLASS_MAX] = {
                [SWB_CLASS_KERNEL] = "kernel",     [SWB_CLASS_MODULE] = "modules",
                [SWB_CLASS_PROGRAM] = "programs",  [SWB_CLASS_INITRD] = "initrd",
                [SWB_CLASS_IMAGE] = "images",      [SWB_CLASS_COMPRESSED] = "compressed",
                [SWB_CLASS_TEXT] = "text",         [SWB_CLASS_PACKAGES] = "packages",
                [SWB_CLASS_OTHER] = "other files", [SWB_CLASS_TABLES] = "file system",
        };

        swb_assert(class >= 0 && class < _SWB_CLASS_MAX);
        return names[class];
}

/* ---- by content */

struct mark {
        size_t offset;
        const char *bytes;
        size_t n;
        enum swb_class class;
};

/* The first that fits counts. */
static const struct mark marks[] = {
        {0x202, "HdrS", 4, SWB_CLASS_KERNEL},
        {56, "ARMd", 4, SWB_CLASS_KERNEL},
        {4, "zimg", 4, SWB_CLASS_KERNEL},
        {36, "\x18\x28\x6f\x01", 4, SWB_CLASS_KERNEL}, /* zImage of 32-bit ARM */
        {0, "hsqs", 4, SWB_CLASS_IMAGE},
        {1024, "\xe2\xe1\xf5\xe0", 4, SWB_CLASS_IMAGE}, /* erofs */
        {1080, "\x53\xef", 2, SWB_CLASS_IMAGE},         /* ext2 to ext4 */
        {0, "070701", 6, SWB_CLASS_INITRD},
        {0, "070702", 6, SWB_CLASS_INITRD},
        {0, "PK\x03\x04", 4, SWB_CLASS_COMPRESSED},
        {0, "\x1f\x8b\x08", 3, SWB_CLASS_COMPRESSED},
        {0, "\xfd\x37zXZ", 5, SWB_CLASS_COMPRESSED},
        {0, "\x28\xb5\x2f\xfd", 4, SWB_CLASS_COMPRESSED},
        {0, "\x04\x22\x4d\x18", 4, SWB_CLASS_COMPRESSED},
        {0, "\x02\x21\x4c\x18", 4, SWB_CLASS_COMPRESSED},
        {0, "BZh", 3, SWB_CLASS_COMPRESSED},
        {0, "\177ELF", 4, SWB_CLASS_PROGRAM},
};

/* Up to the zeros behind the end: whatever terminals show, and bytes above ASCII. */
static bool is_text(const uint8_t *head, size_t n)
{
        while (n > 0 && head[n - 1] == 0)
                n--;
        for (size_t i = 0; i < n; i++)
                if ((head[i] < 0x20 && (head[i] < '\t' || head[i] > '\r') && head[i] != 0x1b) ||
                    head[i] == 0x7f)
                        return false;
        return n > 0;
}

static enum swb_class by_content(const uint8_t *head, size_t n)
{
        for (size_t i = 0; i < SWB_ELEMENTS(marks); i++)
                if (marks[i].offset + marks[i].n <= n &&
                    memcmp(head + marks[i].offset, marks[i].bytes, marks[i].n) == 0)
                        return marks[i].class;
        return is_text(head, n) ? SWB_CLASS_TEXT : SWB_CLASS_OTHER;
}

/* ---- by name, where the content is a compressed one, or nothing that is known */

static bool begins(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

static bool is_of_packages(const char *path)
{
        static const char *const folders[] = {
                "/var/lib/dpkg/", "/var/lib/rpm/",   "/usr/lib/sysimage/rpm/", "/var/lib/opkg/",
                "/usr/lib/opkg/", "/lib/apk/db/",    "/usr/lib/apk/db/",       "/var/lib/apt/",
                "/var/lib/dnf/",  "/var/lib/pacman/"};

        for (size_t i = 0; i < SWB_ELEMENTS(folders); i++)
                if (begins(path, folders[i]))
                        return true;
        return false;
}

/* "x.ko", "x.ko.xz" */
static bool is_module(const char *name)
{
        const char *end = strstr(name, ".ko");

        return end && (end[3] == '\0' || end[3] == '.');
}

static enum swb_class by_name(const char *name, enum swb_class class)
{
        if (is_module(name))
                return SWB_CLASS_MODULE;
        if (begins(name, "initrd") || begins(name, "initramfs"))
                return SWB_CLASS_INITRD;
        if (begins(name, "vmlinu") || begins(name, "Image") || begins(name, "zImage") ||
            begins(name, "uImage") || begins(name, "fitImage"))
                return SWB_CLASS_KERNEL;
        return class;
}

enum swb_class swb_class_of(const char *path, const uint8_t *head, size_t n_head)
{
        enum swb_class class = by_content(head, n_head);
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;

        if (is_of_packages(path))
                return SWB_CLASS_PACKAGES;
        switch (class) {
        case SWB_CLASS_PROGRAM:
        case SWB_CLASS_COMPRESSED:
        case SWB_CLASS_OTHER:
                return by_name(name, class);
        case SWB_CLASS_KERNEL:
        case SWB_CLASS_MODULE:
        case SWB_CLASS_INITRD:
        case SWB_CLASS_IMAGE:
        case SWB_CLASS_TEXT:
        case SWB_CLASS_PACKAGES:
        case SWB_CLASS_TABLES:
        case _SWB_CLASS_MAX:
        case _SWB_CLASS_INVALID:
                break;
        }
        return class;
}

/* ---- of an image's files */

int swb_classes_init(struct swb_classes *classes, const struct swb_scan *scan)
{
        *classes = (struct swb_classes){.scan = scan};
        classes->sorts = calloc(scan->n_files, sizeof(*classes->sorts));
        classes->positions = calloc(scan->image->n_blocks + 1, sizeof(*classes->positions));
        if (!classes->sorts || !classes->positions)
                return -ENOMEM;
        for (size_t i = 0; i < scan->n_files; i++) {
                const struct swb_extent_list *blocks = &scan->files[i].blocks;
                uint32_t position = 0;

                for (size_t k = 0; k < blocks->n; k++)
                        for (uint64_t b = 0; b < blocks->items[k].n_blocks; b++)
                                classes->positions[blocks->items[k].start_block + b] = position++;
        }
        return 0;
}

void swb_classes_done(struct swb_classes *classes)
{
        for (size_t i = 0; classes->sorts && i < classes->scan->n_files; i++)
                free(classes->sorts[i].regions);
        free(classes->sorts);
        free(classes->positions);
        *classes = (struct swb_classes){0};
}

/* The whole of a partition without a file system that can be read. */
static int look_at_raw(const struct swb_scan *scan, struct swb_sort *sort, struct swb_error *err)
{
        uint8_t head[HEAD_BYTES];
        int r = swb_image_read(scan->image, 0, 1, head, err);

        if (r == 0)
                sort->class = swb_class_of("", head, sizeof(head));
        return r;
}

static int look(const struct swb_scan *scan, const struct swb_file *file, struct swb_sort *sort,
                struct swb_error *err)
{
        uint8_t head[HEAD_BYTES];
        int r;

        sort->class = file->kind == SWB_FILE_REGULAR ? SWB_CLASS_OTHER : SWB_CLASS_TABLES;
        if (file->kind == SWB_FILE_REST && scan->raw)
                return look_at_raw(scan, sort, err);
        if (file->kind != SWB_FILE_REGULAR || file->blocks.n == 0)
                return 0;
        r = swb_image_read(scan->image, file->blocks.items[0].start_block, 1, head, err);
        if (r < 0)
                return r;
        sort->class = swb_class_of(file->path, head, sizeof(head));
        if (sort->class != SWB_CLASS_PROGRAM && sort->class != SWB_CLASS_MODULE)
                return 0;
        return swb_lots_find(scan->image, file, sort, err);
}

int swb_classes_look(struct swb_classes *classes, size_t file, const struct swb_sort **ret,
                     struct swb_error *err)
{
        struct swb_sort *sort = &classes->sorts[file];

        if (!sort->is_known) {
                int r = look(classes->scan, &classes->scan->files[file], sort, err);

                if (r < 0)
                        return r;
                sort->is_known = true;
        }
        *ret = sort;
        return 0;
}
