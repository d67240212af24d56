/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/recipe.h - how a content is made of pieces, some of them compressed
 *
 * Spec: docs/spec/payload.md PF-131 … PF-135. A piece is plain, or the encoding of something; what
 * it opens to may itself be made of pieces ("inner" ones). The opened content is what remains when
 * every encoded piece has been replaced by what it opens to, the innermost first.
 *
 * Two recipes belong to a difference: the old content's says how to open it, the new content's also
 * how to close it again, bit for bit. Found by open/find.h, followed by open/opened.h and
 * open/closer.h.
 */
#include "base/buf.h"
#include "base/cursor.h"

#define SWB_RECIPE_DEPTH_MAX 3u /* encoded pieces inside each other */
#define SWB_RECIPE_PIECES_MAX 65536u
#define SWB_RECIPE_SETTINGS_MAX 255u
#define SWB_RECIPE_BYTES_MAX ((size_t)1 << 40)
#define SWB_RECIPE_PARAMETERS 6u
/* What one piece with corrections opens to. */
#define SWB_TOKENS_MAX_BYTES ((uint64_t)1 << 30)
#define SWB_RECIPE_CORRECTIONS_MAX ((size_t)3 << 19) /* bytes, of all pieces */
/* What is decoded or encoded as a whole opens to at most this much. */
#define SWB_WHOLE_MAX_BYTES ((size_t)8 << 20)

/* What the bytes of an encoded piece are. Numbers of the format. */
enum swb_packing {
        SWB_PACKING_PLAIN = 0,
        SWB_PACKING_LZ4 = 1,       /* one LZ4 block, at most SWB_WHOLE_MAX_BYTES opened */
        SWB_PACKING_DEFLATE = 2,   /* RFC 1951 */
        SWB_PACKING_ZLIB = 3,      /* RFC 1950 */
        SWB_PACKING_XZ = 4,        /* one .xz stream */
        SWB_PACKING_ZSTD = 5,      /* one zstd frame */
        SWB_PACKING_LZ4_SIZED = 6, /* as LZ4, behind its size in 4 bytes, little-endian */
        SWB_PACKING_EROFS_LZ4 = 7, /* clusters of 4 KiB, LZ4 behind zeros */
        SWB_PACKING_BZIP2 = 8,     /* one stream */
        SWB_PACKING_LZMA = 9,      /* what lzma(1) makes: a head, LZMA */
        SWB_PACKING_LZO = 10,      /* one block of LZO1X, at most SWB_WHOLE_MAX_BYTES opened */
        SWB_PACKING_LZOP = 11,     /* blocks of lzop(1) with their end mark, without its head */
        _SWB_PACKING_MAX,
        _SWB_PACKING_INVALID = -EINVAL,
};

/* What makes these bytes again. Numbers of the format; open/encoder.h tells their parameters. */
enum swb_encoder_id {
        SWB_ENCODER_NONE = 0, /* of an old content: it need not be made */
        SWB_ENCODER_LZ4 = 1,
        SWB_ENCODER_LZ4_HC = 2,
        SWB_ENCODER_ZLIB = 3,
        SWB_ENCODER_GZIP = 4,
        SWB_ENCODER_XZ = 5,
        SWB_ENCODER_ZSTD = 6,
        SWB_ENCODER_EROFS_LZ4 = 7,
        SWB_ENCODER_EROFS_LZ4_HC = 8,
        SWB_ENCODER_PIGZ = 9,
        SWB_ENCODER_TOKENS = 10,
        SWB_ENCODER_BZIP2 = 11,
        SWB_ENCODER_LZMA = 12,
        SWB_ENCODER_LZO = 13,
        SWB_ENCODER_LZO_999 = 14,
        _SWB_ENCODER_MAX,
        _SWB_ENCODER_INVALID = -EINVAL,
};

struct swb_setting {
        enum swb_packing packing;
        enum swb_encoder_id encoder;
        uint32_t parameters[SWB_RECIPE_PARAMETERS]; /* those behind the encoder's last are 0 */
};

struct swb_piece {
        uint64_t n_encoded; /* of a plain piece: equal to n_opened */
        uint64_t n_opened;  /* before its inner pieces are opened */
        uint8_t setting;    /* 0: plain; else settings[setting - 1] */
        uint8_t depth;      /* 0: of the content itself; those inside follow their piece */
        uint32_t correction, n_correction; /* of SWB_ENCODER_TOKENS: where in the recipe's */
};

struct swb_recipe {
        struct swb_setting *settings;
        size_t n_settings;
        struct swb_piece *pieces;
        size_t n_pieces, cap;
        struct swb_buf corrections; /* of all pieces */
        uint64_t n_content;         /* bytes of the content */
        uint64_t n_opened;          /* bytes when all is opened */
};

void swb_recipe_done(struct swb_recipe *recipe);

/* Decoded as a whole, in memory? */
static inline bool swb_packing_is_whole(enum swb_packing packing)
{
        return packing == SWB_PACKING_LZ4 || packing == SWB_PACKING_LZ4_SIZED ||
               packing == SWB_PACKING_EROFS_LZ4 || packing == SWB_PACKING_LZO;
}

/* Does piece i hold inner ones? */
static inline bool swb_recipe_has_inner(const struct swb_recipe *recipe, size_t i)
{
        return i + 1 < recipe->n_pieces && recipe->pieces[i + 1].depth > recipe->pieces[i].depth;
}

/* The setting of a piece that is not plain. */
static inline const struct swb_setting *swb_recipe_setting(const struct swb_recipe *recipe,
                                                           const struct swb_piece *piece)
{
        return &recipe->settings[piece->setting - 1];
}

/*
 * Reads one recipe. Return: 0; -EBADMSG for what breaks the format; -E2BIG above the limits of this
 * header; -EPROTONOSUPPORT for packings or encoders that this version does not know; -ENOMEM.
 */
int swb_recipe_read(struct swb_cursor *c, struct swb_recipe *ret) _warn_unused_;

/* ---- the making side */

/* The number by which pieces name this setting, which is added if it is new. -E2BIG, -ENOMEM. */
int swb_recipe_intern(struct swb_recipe *recipe, const struct swb_setting *setting) _warn_unused_;
/* Appends a piece; the totals are not kept up (swb_recipe_measure). 0, -E2BIG, -ENOMEM. */
int swb_recipe_add(struct swb_recipe *recipe, const struct swb_piece *piece) _warn_unused_;
/* Keeps what a piece's stream needs beside its content, and says so in the piece. 0, -E2BIG,
 * -ENOMEM. */
int swb_recipe_correct(struct swb_recipe *recipe, struct swb_piece *piece, const uint8_t *data,
                       size_t n) _warn_unused_;
/* Fills in both totals. 0, or -EBADMSG when inner pieces do not add up. */
int swb_recipe_measure(struct swb_recipe *recipe) _warn_unused_;
/* Appends what another recipe tells of what follows. 0, -E2BIG, -ENOMEM. */
int swb_recipe_append(struct swb_recipe *recipe, const struct swb_recipe *more) _warn_unused_;
/* The bytes of the content that lie in encoded pieces. */
uint64_t swb_recipe_encoded(const struct swb_recipe *recipe);
/* Appends the recipe's coding. 0, -E2BIG, -ENOMEM. */
int swb_recipe_write(const struct swb_recipe *recipe, struct swb_buf *buf) _warn_unused_;
