/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>

void swb_buf_done(struct swb_buf *buf)
{
        free(buf->data);
        *buf = SWB_BUF_INIT(buf->max_bytes);
}

int swb_buf_reserve(struct swb_buf *buf, size_t extra_bytes)
{
        size_t want, cap;
        uint8_t *data;

        if (extra_bytes > buf->max_bytes || buf->n_bytes > buf->max_bytes - extra_bytes)
                return -E2BIG;
        want = buf->n_bytes + extra_bytes;
        if (want <= buf->cap)
                return 0;
        cap = SWB_MAX(want, buf->cap > SIZE_MAX / 2 ? want : buf->cap * 2);
        cap = SWB_MIN(SWB_MAX(cap, (size_t)64), buf->max_bytes);
        data = realloc(buf->data, cap);
        if (!data)
                return -ENOMEM;
        buf->data = data;
        buf->cap = cap;
        return 0;
}

int swb_buf_append(struct swb_buf *buf, const void *data, size_t n_bytes)
{
        int r;

        if (n_bytes == 0)
                return 0;
        r = swb_buf_reserve(buf, n_bytes);
        if (r < 0)
                return r;
        memcpy(buf->data + buf->n_bytes, data, n_bytes);
        buf->n_bytes += n_bytes;
        return 0;
}

int swb_buf_append_str(struct swb_buf *buf, const char *text)
{
        size_t n = strlen(text);
        int r;

        r = swb_buf_append(buf, text, n + 1);
        if (r < 0)
                return r;
        buf->n_bytes--;
        return 0;
}

int swb_buf_printf(struct swb_buf *buf, const char *format, ...)
{
        va_list args;
        int n, r;

        va_start(args, format);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n < 0)
                return -EINVAL;
        r = swb_buf_reserve(buf, (size_t)n + 1);
        if (r < 0)
                return r;
        va_start(args, format);
        (void)vsnprintf((char *)buf->data + buf->n_bytes, (size_t)n + 1, format, args);
        va_end(args);
        buf->n_bytes += (size_t)n;
        return 0;
}

char *swb_buf_take_str(struct swb_buf *buf)
{
        char *text = malloc(buf->n_bytes + 1);

        if (!text)
                return NULL;
        if (buf->n_bytes > 0)
                memcpy(text, buf->data, buf->n_bytes);
        text[buf->n_bytes] = '\0';
        swb_buf_done(buf);
        return text;
}
