/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "open/wrapper.h"

static int put_le32(struct swb_buf *buf, uint32_t value)
{
        uint8_t bytes[4];

        swb_put_le32(bytes, value);
        return swb_buf_append(buf, bytes, sizeof(bytes));
}

static int put_header(struct swb_buf *buf, uint8_t codec, size_t n_packed, size_t n)
{
        const uint8_t head[8] = {'S', 'W', 'O', '1', codec};
        int r = swb_buf_append(buf, head, sizeof(head));

        if (r >= 0)
                r = put_le32(buf, (uint32_t)n_packed);
        return r < 0 ? r : put_le32(buf, (uint32_t)n);
}

int swb_open_head_write(const struct swb_recipe *old, const struct swb_recipe *new,
                        struct swb_buf *buf)
{
        _cleanup_(swb_buf_done) struct swb_buf recipes = SWB_BUF_INIT(SWB_OPEN_RECIPES_MAX);
        _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT(SWB_OPEN_RECIPES_MAX);
        int r = swb_recipe_write(old, &recipes);

        if (r >= 0)
                r = swb_recipe_write(new, &recipes);
        if (r < 0)
                return r;
        packed.max_bytes = recipes.n_bytes;
        r = swb_encode(SWB_CODEC_XZ, 0, recipes.data, recipes.n_bytes, &packed);
        if (r == 0 && packed.n_bytes < recipes.n_bytes) {
                r = put_header(buf, 1, packed.n_bytes, recipes.n_bytes);
                return r < 0 ? r : swb_buf_append(buf, packed.data, packed.n_bytes);
        }
        if (r < 0 && r != -E2BIG)
                return r;
        r = put_header(buf, 0, recipes.n_bytes, recipes.n_bytes);
        return r < 0 ? r : swb_buf_append(buf, recipes.data, recipes.n_bytes);
}
