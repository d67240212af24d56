/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/encoder.h - the compressors that make a content's bytes again
 *
 * An encoder is known by its number, its parameters and, where a library's output differs between
 * releases, the library's version among them. It counts as present only after it has made the known
 * bytes from a built-in sample.
 */
#include "open/recipe.h"

struct swb_encoder;

/* Takes the next bytes of what is made. 0 or negative errno. */
typedef int (*swb_encoder_write)(void *context, const uint8_t *data, size_t n);

struct swb_encoder_job {
        const struct swb_setting *setting;
        uint64_t n_opened, n_encoded; /* what goes in and comes out in all */
        const uint8_t *corrections;   /* of SWB_ENCODER_TOKENS, borrowed */
        size_t n_corrections;
        swb_encoder_write write;
        void *context;
};

/* What one library does. */
struct swb_encoder_ops {
        /* Memory at most, buffers included. */
        uint64_t (*memory)(const struct swb_setting *setting, uint64_t n_opened,
                           uint64_t n_encoded);
        int (*open)(const struct swb_encoder_job *job, void **ret_state);
        int (*put)(void *state, const uint8_t *data, size_t n);
        int (*finish)(void *state);
        void (*close)(void *state);
};

const char *swb_encoder_to_string(enum swb_encoder_id id);
/* How many there are; what they are says PF-135. */
unsigned swb_encoder_parameters(enum swb_encoder_id id);
/* Do packing and parameters make sense together? */
bool swb_encoder_accepts(const struct swb_setting *setting);
/* Is it built in, does its library (of this version, where that matters) make what it should? */
bool swb_encoder_is_present(const struct swb_setting *setting);
uint64_t swb_encoder_memory(const struct swb_setting *setting, uint64_t n_opened,
                            uint64_t n_encoded);

/*
 * One piece. `setting` is borrowed. What is written must come to exactly n_encoded bytes
 * (-EBADMSG: the library does not do what it did where the payload was made).
 * Return: 0; -EPROTONOSUPPORT when it is not present; -EINVAL for parameters that it refuses;
 * -ENOMEM; or what `write` returned.
 */
int swb_encoder_new(const struct swb_encoder_job *job, struct swb_encoder **ret) _warn_unused_;
struct swb_encoder *swb_encoder_free(struct swb_encoder *encoder);
SWB_DEFINE_CLEANUP(struct swb_encoder *, swb_encoder_free)
int swb_encoder_put(struct swb_encoder *encoder, const uint8_t *data, size_t n) _warn_unused_;
int swb_encoder_finish(struct swb_encoder *encoder) _warn_unused_;

/* All of them at once, for small pieces and tests: appends to buf, whose ceiling holds (-E2BIG). */
int swb_encode_piece(const struct swb_setting *setting, const uint8_t *data, size_t n,
                     uint64_t n_encoded, struct swb_buf *buf) _warn_unused_;

#define SWB_ENCODERS_TEXT_MAX 128u
/*
 * The names of those that are present, in a fixed order, with a blank between; a library whose
 * output differs between releases with its version: "lz4 lz4-hc zlib gzip xz zstd-1.5.4".
 */
void swb_encoders_list(char text[static SWB_ENCODERS_TEXT_MAX]);
/* The name by which that text lists what this setting needs; "" for none. */
void swb_setting_name(const struct swb_setting *setting, char text[static SWB_ENCODERS_TEXT_MAX]);
