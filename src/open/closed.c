/* SPDX-License-Identifier: Apache-2.0 */
#include "open/closed.h"

#include <inttypes.h>

#define MEBIBYTE ((uint64_t)1 << 20)

void swb_closed_add(struct swb_closed *closed, const struct swb_closed *piece)
{
        uint64_t n_all = closed->n_all + piece->n_encoded;

        if (closed->why == SWB_CLOSED_NOT || piece->n_encoded > closed->n_encoded)
                *closed = *piece;
        closed->n_all = n_all;
}

const char *swb_closed_why_to_string(enum swb_closed_why why)
{
        static const char *const names[_SWB_CLOSED_MAX] = {
                [SWB_CLOSED_NOT] = "not-closed",
                [SWB_CLOSED_NO_ENCODER] = "no-encoder",
                [SWB_CLOSED_NOT_ALLOWED] = "not-allowed",
                [SWB_CLOSED_ENCODER_MEMORY] = "encoder-memory",
                [SWB_CLOSED_DECODER_MEMORY] = "decoder-memory",
                [SWB_CLOSED_TOO_LARGE] = "too-large",
                [SWB_CLOSED_TOO_DEEP] = "too-deep",
                [SWB_CLOSED_OLD] = "old-closed",
                [SWB_CLOSED_ROOM] = "device-memory",
        };

        return (int)why < 0 || why >= _SWB_CLOSED_MAX ? "invalid" : names[why];
}

const char *swb_closed_packing(enum swb_packing packing)
{
        static const char *const names[_SWB_PACKING_MAX] = {
                [SWB_PACKING_LZ4] = "lz4",       [SWB_PACKING_DEFLATE] = "gzip",
                [SWB_PACKING_ZLIB] = "zlib",     [SWB_PACKING_XZ] = "xz",
                [SWB_PACKING_ZSTD] = "zstd",     [SWB_PACKING_LZ4_SIZED] = "lz4",
                [SWB_PACKING_EROFS_LZ4] = "lz4", [SWB_PACKING_BZIP2] = "bzip2",
                [SWB_PACKING_LZMA] = "lzma",     [SWB_PACKING_LZO] = "lzo",
                [SWB_PACKING_LZOP] = "lzop",
        };

        return (int)packing > 0 && packing < _SWB_PACKING_MAX && names[packing] ? names[packing]
                                                                                : "packed";
}

static void tell_memory(const struct swb_closed *closed, char text[static SWB_CLOSED_TEXT_MAX])
{
        uint64_t n = (closed->memory_bytes + MEBIBYTE - 1) / MEBIBYTE;
        bool opens = closed->why != SWB_CLOSED_DECODER_MEMORY;
        int done = snprintf(text, SWB_CLOSED_TEXT_MAX, "%s: %s within %" PRIu64 " MiB",
                            swb_closed_packing(closed->packing),
                            opens ? "no encoder makes it again" : "it can't be opened",
                            closed->limit_bytes / MEBIBYTE);

        if (n > 0 && done > 0)
                (void)snprintf(text + done, SWB_CLOSED_TEXT_MAX - (size_t)done,
                               ", %s %" PRIu64 " MiB (--open-memory)",
                               opens ? "the usual one needs" : "all in all that needs", n);
}

static const char *sentence(enum swb_closed_why why)
{
        static const char *const sentences[_SWB_CLOSED_MAX] = {
                [SWB_CLOSED_NOT] = "nothing packed is recognised in it",
                [SWB_CLOSED_NO_ENCODER] = "no encoder here makes it again bit for bit",
                [SWB_CLOSED_NOT_ALLOWED] = "no encoder that is allowed makes it again (--encoders)",
                [SWB_CLOSED_ENCODER_MEMORY] = "devices lack memory to close it",
                [SWB_CLOSED_DECODER_MEMORY] = "devices lack memory to open it",
                [SWB_CLOSED_TOO_LARGE] = "it opens to too much, or to too many pieces",
                [SWB_CLOSED_TOO_DEEP] = "it is packed in more layers than are opened",
                [SWB_CLOSED_OLD] = "its old version can't be opened",
                [SWB_CLOSED_ROOM] =
                        "it opens, but devices lack the memory for all of it, or nothing is saved",
        };

        return sentences[why];
}

void swb_closed_text(const struct swb_closed *closed, char text[static SWB_CLOSED_TEXT_MAX])
{
        if (closed->why == SWB_CLOSED_ENCODER_MEMORY || closed->why == SWB_CLOSED_DECODER_MEMORY)
                tell_memory(closed, text);
        else
                (void)snprintf(text, SWB_CLOSED_TEXT_MAX, "%s%s%s",
                               closed->packing ? swb_closed_packing(closed->packing) : "",
                               closed->packing ? ": " : "", sentence(closed->why));
}
