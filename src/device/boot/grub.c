/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flags in two environment files of GRUB (boot/grub/README.md)
 *
 * GRUB's file has one copy and no checksum, and GRUB writes it where it lies. So there are two
 * files, written in turn, and in each the flags stand between two equal numbers, which tell a write
 * that was cut and which file is newer. The content fits the first sector of 512 bytes.
 */
#include <ctype.h>
#include <fcntl.h>

#include "base/text.h"
#include "device/boot/medium.h"
#include "device/boot/ops.h"
#include "device/boot/variables.h"

#define BLOCK_BYTES 1024 /* GRUB reads any size, grub-editenv just this */
#define HEADER "# GRUB Environment Block\n"
#define COPIES 2
#define BEGIN "swb_begin"
#define END "swb_end"
#define SEQUENCE 3 /* numbers: 0, 1, 2, and 0 again */
#define VALUE_MAX 16

struct grub {
        char *name;
        char *path[COPIES];
};

struct block {
        bool is_whole;
        unsigned sequence;
        char text[BLOCK_BYTES + 1];
        char value[VALUE_MAX]; /* of the last get() */
};

static void grub_close(void *state)
{
        struct grub *grub = state;

        if (!grub)
                return;
        for (size_t i = 0; i < COPIES; i++)
                free(grub->path[i]);
        free(grub->name);
        free(grub);
}

static void closep(struct grub **grub)
{
        grub_close(*grub);
}

static int grub_open(const char *place, void **ret, struct swb_error *err)
{
        _cleanup_(closep) struct grub *grub = calloc(1, sizeof(*grub));
        const char *colon = strrchr(place, ':');

        if (!grub)
                return swb_oom(err);
        if (!colon || colon == place || colon[1] == '\0' ||
            (strncmp(place, colon + 1, (size_t)(colon - place)) == 0 &&
             strlen(colon + 1) == (size_t)(colon - place)))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s' is not FILE1:FILE2, GRUB's two environment files",
                                place);
        grub->name = strdup(place);
        grub->path[0] = strndup(place, (size_t)(colon - place));
        grub->path[1] = strdup(colon + 1);
        if (!grub->name || !grub->path[0] || !grub->path[1])
                return swb_oom(err);
        *ret = SWB_TAKE_PTR(grub);
        return 0;
}

/* ---- reading ---- */

/* Borrowed until the next call. */
static const char *get(void *context, const char *name)
{
        struct block *block = context;
        size_t n = strlen(name);

        for (const char *line = block->text; *line;
             line += strcspn(line, "\n"), line += *line == '\n') {
                if (strncmp(line, name, n) != 0 || line[n] != '=')
                        continue;
                (void)snprintf(block->value, sizeof(block->value), "%.*s",
                               (int)strcspn(line + n + 1, "\n"), line + n + 1);
                return block->value;
        }
        return NULL;
}

static bool get_sequence(struct block *block, const char *name, unsigned *ret)
{
        const char *text = get(block, name);

        if (!text || text[0] < '0' || text[0] >= '0' + SEQUENCE || text[1] != '\0')
                return false;
        *ret = (unsigned)(text[0] - '0');
        return true;
}

static void judge(struct block *block)
{
        unsigned begin, end;

        block->is_whole = swb_starts_with(block->text, HEADER) &&
                          get_sequence(block, BEGIN, &begin) && get_sequence(block, END, &end) &&
                          begin == end;
        if (block->is_whole)
                block->sequence = begin;
}

/* A file that is missing or of another size is a copy that is not whole. */
static int load(const struct grub *grub, size_t index, struct block *ret, struct swb_error *err)
{
        struct swb_medium *medium;
        int r;

        *ret = (struct block){0};
        if (access(grub->path[index], F_OK) < 0 && errno == ENOENT)
                return 0;
        r = swb_medium_open(grub->path[index], &medium, err);
        if (r < 0)
                return r;
        if (medium->n_bytes == BLOCK_BYTES)
                r = medium->ops->read(medium, ret->text, BLOCK_BYTES, 0, err);
        medium->ops->close(medium);
        if (r >= 0)
                judge(ret);
        return r;
}

static bool is_newer(const struct block *block, const struct block *than)
{
        return block->is_whole &&
               (!than->is_whole || block->sequence == (than->sequence + 1) % SEQUENCE);
}

/* ret_newest: COPIES when no copy is whole. */
static int load_both(const struct grub *grub, struct block blocks[COPIES], size_t *ret_newest,
                     struct swb_error *err)
{
        for (size_t i = 0; i < COPIES; i++) {
                int r = load(grub, i, &blocks[i], err);

                if (r < 0)
                        return r;
        }
        if (is_newer(&blocks[1], &blocks[0]))
                *ret_newest = 1;
        else
                *ret_newest = blocks[0].is_whole ? 0 : COPIES;
        return 0;
}

static int grub_read(void *state, struct swb_boot_flags *ret, struct swb_error *err)
{
        struct grub *grub = state;
        struct block blocks[COPIES];
        size_t newest;
        int r;

        r = load_both(grub, blocks, &newest, err);
        if (r < 0)
                return r;
        if (newest == COPIES)
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT, "%s: neither file holds boot flags",
                                grub->name);
        r = swb_boot_variables_read(get, &blocks[newest], grub->path[newest], ret, err);
        if (r < 0)
                return r;
        return blocks[0].is_whole && blocks[1].is_whole ? 0 : SWB_BOOT_DEGRADED;
}

/* ---- writing ---- */

static void format(const struct swb_boot_flags *flags, unsigned sequence, char *text)
{
        int n = snprintf(text, BLOCK_BYTES, HEADER BEGIN "=%u\n", sequence);

        for (size_t i = 0; i < SWB_BOOT_VARIABLES; i++)
                n += snprintf(text + n, (size_t)(BLOCK_BYTES - n), "%s=%u\n",
                              swb_boot_variable_at(i)->name, swb_boot_variable_get(i, flags));
        n += snprintf(text + n, (size_t)(BLOCK_BYTES - n), END "=%u\n", sequence);
        memset(text + n, '#', (size_t)(BLOCK_BYTES - n));
}

/* GRUB can't make files; and a file that had another size may not be written in one piece. */
static int make_file(const char *path, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0 || ftruncate(fd, BLOCK_BYTES) < 0)
                return swb_fail(err, -errno, SWB_FAULT_BOOT, "make %s: %s", path, strerror(errno));
        return 0;
}

static int write_block(const char *path, const char *text, struct swb_error *err)
{
        struct swb_medium *medium;
        int r;

        r = make_file(path, err);
        if (r >= 0)
                r = swb_medium_open(path, &medium, err);
        if (r < 0)
                return r;
        r = medium->ops->write(medium, text, BLOCK_BYTES, 0, err);
        if (r >= 0)
                r = medium->ops->sync(medium, err);
        medium->ops->close(medium);
        return r;
}

static int grub_store(void *state, const struct swb_boot_flags *flags, struct swb_error *err)
{
        struct grub *grub = state;
        struct block blocks[COPIES];
        char text[BLOCK_BYTES];
        unsigned sequence = 0;
        size_t newest;
        int r;

        r = load_both(grub, blocks, &newest, err);
        if (r < 0)
                return r;
        if (newest < COPIES)
                sequence = (blocks[newest].sequence + 1) % SEQUENCE;
        format(flags, sequence, text);
        return write_block(grub->path[newest == 0 ? 1 : 0], text, err);
}

const struct swb_boot_ops swb_boot_grub = {
        .name = "grub",
        .open = grub_open,
        .close = grub_close,
        .read = grub_read,
        .store = grub_store,
};
