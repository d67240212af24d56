/* SPDX-License-Identifier: Apache-2.0 */
#include "open/encoder.h"

#include <string.h>

#include "open/erofs.h"
#include "open/libraries.h"
#include "open/sample.h"

#define MANY UINT32_MAX
#define EROFS_PACKINGS (1u << SWB_PACKING_EROFS_LZ4)
#define LZO_PACKINGS (1u << SWB_PACKING_LZO | 1u << SWB_PACKING_LZOP)
#define LZ4_PACKINGS (1u << SWB_PACKING_LZ4 | 1u << SWB_PACKING_LZ4_SIZED)

struct swb_encoder {
        struct swb_encoder_job job;
        const struct swb_encoder_ops *ops;
        void *state;
        uint64_t n_in, n_out;
};

/* What a recipe may say of an encoder, whether or not it is built in. */
struct description {
        const char *name;
        uint32_t packings; /* bits */
        unsigned n;
        struct {
                uint32_t least, most;
        } parameters[SWB_RECIPE_PARAMETERS];
};

static const struct description *describe(enum swb_encoder_id id)
{
        static const struct description descriptions[_SWB_ENCODER_MAX] = {
                [SWB_ENCODER_NONE] = {"none", ~0u, 0, {{0, 0}}},
                /* acceleration */
                [SWB_ENCODER_LZ4] = {"lz4", LZ4_PACKINGS, 1, {{1, 65537}}},
                /* level */
                [SWB_ENCODER_LZ4_HC] = {"lz4-hc", LZ4_PACKINGS, 1, {{1, 12}}},
                /* level, window bits, memory level, strategy */
                [SWB_ENCODER_ZLIB] = {"zlib",
                                      1u << SWB_PACKING_DEFLATE | 1u << SWB_PACKING_ZLIB,
                                      4,
                                      {{0, 9}, {9, 15}, {1, 9}, {0, 4}}},
                /* level */
                [SWB_ENCODER_GZIP] = {"gzip", 1u << SWB_PACKING_DEFLATE, 1, {{1, 9}}},
                /* preset (16 more: extreme), dictionary, check, filter for branches, way or block
                 */
                [SWB_ENCODER_XZ] = {"xz",
                                    1u << SWB_PACKING_XZ,
                                    5,
                                    {{0, 31}, {4096, 1u << 30}, {0, 15}, {0, 15}, {0, MANY}}},
                /* version, level, flags, window log */
                [SWB_ENCODER_ZSTD] = {"zstd",
                                      1u << SWB_PACKING_ZSTD,
                                      4,
                                      {{1, MANY}, {1, 22}, {0, 15}, {0, 27}}},
                /* does much follow? */
                [SWB_ENCODER_EROFS_LZ4] = {"erofs-lz4", EROFS_PACKINGS, 1, {{0, 1}}},
                /* level */
                [SWB_ENCODER_EROFS_LZ4_HC] = {"erofs-lz4-hc", EROFS_PACKINGS, 1, {{3, 12}}},
                /* level, block in KiB, independent blocks */
                [SWB_ENCODER_PIGZ] = {"pigz",
                                      1u << SWB_PACKING_DEFLATE,
                                      3,
                                      {{1, 9}, {1, 1u << 20}, {0, 1}}},
                /* chain, copy that is long enough, head of RFC 1950, by cost */
                [SWB_ENCODER_TOKENS] = {"tokens",
                                        1u << SWB_PACKING_DEFLATE | 1u << SWB_PACKING_ZLIB,
                                        4,
                                        {{1, 4096}, {3, 258}, {0, 65535}, {0, 1}}},
                /* level */
                [SWB_ENCODER_BZIP2] = {"bzip2", 1u << SWB_PACKING_BZIP2, 1, {{1, 9}}},
                /* preset (16 more: extreme), dictionary */
                [SWB_ENCODER_LZMA] = {"lzma",
                                      1u << SWB_PACKING_LZMA,
                                      2,
                                      {{0, 31}, {4096, 1u << 30}}},
                /* LZO1X-1, -1(11), -1(12), -1(15) */
                [SWB_ENCODER_LZO] = {"lzo", LZO_PACKINGS, 1, {{0, 3}}},
                /* level */
                [SWB_ENCODER_LZO_999] = {"lzo-999", LZO_PACKINGS, 1, {{1, 9}}},
        };

        return &descriptions[id];
}

const char *swb_encoder_to_string(enum swb_encoder_id id)
{
        return (int)id < 0 || id >= _SWB_ENCODER_MAX ? "invalid" : describe(id)->name;
}

unsigned swb_encoder_parameters(enum swb_encoder_id id)
{
        return describe(id)->n;
}

bool swb_encoder_accepts(const struct swb_setting *setting)
{
        const struct description *description = describe(setting->encoder);

        if (!(description->packings >> setting->packing & 1))
                return false;
        for (unsigned i = 0; i < description->n; i++)
                if (setting->parameters[i] < description->parameters[i].least ||
                    setting->parameters[i] > description->parameters[i].most)
                        return false;
        return setting->encoder != SWB_ENCODER_XZ || swb_xz_accepts(setting);
}

const struct swb_encoder_ops *swb_encoder_ops_of(enum swb_encoder_id id)
{
        switch (id) {
        case SWB_ENCODER_LZ4:
                return swb_lz4_encoder();
        case SWB_ENCODER_LZ4_HC:
                return swb_lz4_hc_encoder();
        case SWB_ENCODER_ZLIB:
                return swb_zlib_encoder();
        case SWB_ENCODER_GZIP:
                return swb_gzip_encoder();
        case SWB_ENCODER_XZ:
                return swb_xz_encoder();
        case SWB_ENCODER_ZSTD:
                return swb_zstd_encoder();
        case SWB_ENCODER_EROFS_LZ4:
        case SWB_ENCODER_EROFS_LZ4_HC:
                return swb_erofs_encoder();
        case SWB_ENCODER_PIGZ:
                return swb_pigz_encoder();
        case SWB_ENCODER_TOKENS:
                return swb_tokens_encoder();
        case SWB_ENCODER_BZIP2:
                return swb_bzip2_encoder();
        case SWB_ENCODER_LZMA:
                return swb_xz_encoder();
        case SWB_ENCODER_LZO:
        case SWB_ENCODER_LZO_999:
                return swb_lzo_encoder();
        case SWB_ENCODER_NONE:
        case _SWB_ENCODER_MAX:
        case _SWB_ENCODER_INVALID:
        default:
                return NULL;
        }
}

bool swb_encoder_is_present(const struct swb_setting *setting)
{
        if (setting->encoder == SWB_ENCODER_NONE)
                return true;
        if (setting->encoder == SWB_ENCODER_ZSTD && setting->parameters[0] != swb_zstd_version())
                return false;
        return swb_sample_is_right(setting->encoder);
}

uint64_t swb_encoder_memory(const struct swb_setting *setting, uint64_t n_opened,
                            uint64_t n_encoded)
{
        const struct swb_encoder_ops *ops = swb_encoder_ops_of(setting->encoder);

        return ops ? ops->memory(setting, n_opened, n_encoded) : 0;
}

static int count_and_write(void *context, const uint8_t *data, size_t n)
{
        struct swb_encoder *encoder = context;

        if (n > encoder->job.n_encoded - encoder->n_out)
                return -EBADMSG;
        encoder->n_out += n;
        return encoder->job.write(encoder->job.context, data, n);
}

int swb_encoder_new(const struct swb_encoder_job *job, struct swb_encoder **ret)
{
        const struct swb_encoder_ops *ops = swb_encoder_ops_of(job->setting->encoder);
        struct swb_encoder *encoder;
        struct swb_encoder_job inner = *job;
        int r;

        if (!ops)
                return -EPROTONOSUPPORT;
        encoder = calloc(1, sizeof(*encoder));
        if (!encoder)
                return -ENOMEM;
        encoder->job = *job;
        encoder->ops = ops;
        inner.write = count_and_write;
        inner.context = encoder;
        r = ops->open(&inner, &encoder->state);
        if (r < 0) {
                free(encoder);
                return r;
        }
        *ret = encoder;
        return 0;
}

struct swb_encoder *swb_encoder_free(struct swb_encoder *encoder)
{
        if (!encoder)
                return NULL;
        encoder->ops->close(encoder->state);
        free(encoder);
        return NULL;
}

int swb_encoder_put(struct swb_encoder *encoder, const uint8_t *data, size_t n)
{
        if (n > encoder->job.n_opened - encoder->n_in)
                return -EBADMSG;
        encoder->n_in += n;
        return encoder->ops->put(encoder->state, data, n);
}

int swb_encoder_finish(struct swb_encoder *encoder)
{
        int r = encoder->n_in == encoder->job.n_opened ? 0 : -EBADMSG;

        if (r >= 0)
                r = encoder->ops->finish(encoder->state);
        if (r < 0)
                return r;
        return encoder->n_out == encoder->job.n_encoded ? 0 : -EBADMSG;
}

static int append(void *context, const uint8_t *data, size_t n)
{
        return swb_buf_append(context, data, n);
}

int swb_encode_piece(const struct swb_setting *setting, const uint8_t *data, size_t n,
                     uint64_t n_encoded, struct swb_buf *buf)
{
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = n,
                                            .n_encoded = n_encoded,
                                            .write = append,
                                            .context = buf};
        int r = swb_encoder_new(&job, &encoder);

        if (r >= 0)
                r = swb_encoder_put(encoder, data, n);
        return r < 0 ? r : swb_encoder_finish(encoder);
}

void swb_setting_name(const struct swb_setting *setting, char text[static SWB_ENCODERS_TEXT_MAX])
{
        uint32_t version = setting->parameters[0];

        if (setting->encoder == SWB_ENCODER_NONE)
                *text = '\0';
        else if (setting->encoder == SWB_ENCODER_ZSTD)
                (void)snprintf(text, SWB_ENCODERS_TEXT_MAX, "zstd-%u.%u.%u", version / 10000,
                               version / 100 % 100, version % 100);
        else
                (void)snprintf(text, SWB_ENCODERS_TEXT_MAX, "%s", describe(setting->encoder)->name);
}

void swb_encoders_list(char text[static SWB_ENCODERS_TEXT_MAX])
{
        size_t n = 0;

        *text = '\0';
        for (int id = SWB_ENCODER_NONE + 1; id < _SWB_ENCODER_MAX; id++) {
                struct swb_setting setting = {.encoder = (enum swb_encoder_id)id};
                char name[SWB_ENCODERS_TEXT_MAX];

                if (id == SWB_ENCODER_ZSTD)
                        setting.parameters[0] = swb_zstd_version();
                if (!swb_encoder_is_present(&setting))
                        continue;
                swb_setting_name(&setting, name);
                n += (size_t)snprintf(text + n, SWB_ENCODERS_TEXT_MAX - n, "%s%s", n ? " " : "",
                                      name);
        }
}
