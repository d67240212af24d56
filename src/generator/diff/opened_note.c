/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened_note.h"

#include <string.h>

#include "base/endian.h"
#include "generator/plan/openable.h"

#define SQUASHFS_MAGIC 0x73717368u
#define EROFS_MAGIC 0xe0f5e1e2u
#define EROFS_AT 1024u
/* Less than one part in this many of the image is no surprise. */
#define LARGE_SHARE 16u

const char *swb_packed_image_format(const struct swb_image *image)
{
        uint8_t block[SWB_BLOCK_BYTES];

        if (image->n_blocks == 0 || swb_image_read(image, 0, 1, block, NULL) < 0)
                return NULL;
        if (swb_get_le32(block) == SQUASHFS_MAGIC)
                return "squashfs";
        return swb_get_le32(block + EROFS_AT) == EROFS_MAGIC ? "erofs" : NULL;
}

bool swb_is_large_delta(const struct swb_image *image, const char *format, uint64_t n_bytes)
{
        return format && n_bytes > image->n_bytes / LARGE_SHARE;
}

static const char *reason_of(const struct swb_rules *rules, const struct swb_image *image)
{
        if (rules->encoders && !*rules->encoders)
                return "no encoders are allowed";
        if (!rules->opened)
                return "only minor version 1004 can do that";
        if (image->n_blocks > SWB_OPENABLE_MAX_BLOCKS)
                return "it is too large for that";
        return "no encoder here makes it again bit for bit, or --open-memory is too little";
}

/* The image itself; NULL: it is not there. */
static const struct swb_closed *image_of(const struct swb_closed_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                if (*list->items[i].path == '\0')
                        return &list->items[i].closed;
        return NULL;
}

void swb_opened_note(const struct swb_rules *rules, const char *partition,
                     const struct swb_image *image, const struct swb_operation_list *operations,
                     bool is_opened, const struct swb_closed_list *list,
                     char note[static SWB_NOTE_MAX])
{
        const struct swb_closed *closed = image_of(list);
        const char *format = swb_packed_image_format(image);
        char reason[SWB_CLOSED_TEXT_MAX];
        uint64_t n_bytes = 0;

        for (size_t i = 0; i < operations->n; i++)
                n_bytes += operations->items[i].data_length;
        if ((is_opened && !closed) || !swb_is_large_delta(image, format, n_bytes))
                return;
        if (closed)
                swb_closed_text(closed, reason);
        (void)snprintf(note, SWB_NOTE_MAX,
                       "partition '%s': its %s image is compared as it is packed, which makes a "
                       "large delta: %s",
                       partition, format, closed ? reason : reason_of(rules, image));
}
