/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/predictor.h - what addresses in a program become when things around them move
 *
 * A new release of a program differs from the old one mostly in addresses: something grew, and
 * whatever points across it points elsewhere. Which bytes are addresses is found in the old file
 * alone; where old content lies in the new file is told by a difference's copies; from both follows
 * what the new address should be. What the payload carries is how far that is off, mostly 0. A
 * wrong guess costs bytes, never correctness: maker and device run the same code over the same
 * inputs.
 *
 * The rules are numbered ("models") and never change once released. No recursion on content, memory
 * bounded by `max_memory_bytes`, and whatever the old file holds, nothing outside it is read.
 */
#include "base/buf.h"
#include "base/view.h"

enum swb_model {
        SWB_MODEL_NONE = 0, /* no addresses: bytes are only compared */
        SWB_MODEL_ELF = 1,  /* 64-bit little-endian ELF: x86-64, AArch64 */
        _SWB_MODEL_MAX,
        _SWB_MODEL_INVALID = -EINVAL,
};

#define SWB_MODEL_START_BYTES 64

/* Which model fits a content of n_content bytes that begins so? `start` has n bytes, of which
 * SWB_MODEL_START_BYTES are looked at. A program that is cut has no model. */
enum swb_model swb_model_of(const uint8_t *start, size_t n, uint64_t n_content);

/* Corrections of one kind of field make one stream. */
#define SWB_FIELD_KINDS_MAX 32u

/* The bytes old .. old + n lie in the new file at new; copies are in the order of `new`. */
struct swb_copy {
        uint64_t old, new, n_bytes;
};

/* A field's value is its bytes as a little-endian number, also where the address is only some bits
 * of an instruction: the prediction is of the whole instruction. */
struct swb_place {
        uint64_t old;  /* where the field is, in the old file */
        uint64_t new;  /* and in the new one: set by the caller before predict and learn, from the
                        * copy  in which it stands (copy.new + (old - copy.old)) */
        uint8_t width; /* 1, 3, 4 or 8 bytes */
        uint8_t kind;  /* below SWB_FIELD_KINDS_MAX */
};

struct swb_predictor;

/*
 * `old` and `copies` are borrowed for the predictor's life. `hints`: what swb_predictor_hints()
 * made; they come from a signed payload and are checked all the same. Return: 0; -EBADMSG for hints
 * that break the format; -E2BIG above max_memory_bytes; -ENOMEM; the view's error.
 * A file that is no ELF, or a broken one, has no fields, or fewer: no error.
 */
int swb_predictor_new(enum swb_model model, struct swb_view *old, const struct swb_copy *copies,
                      size_t n_copies, const uint8_t *hints, size_t n_hints,
                      size_t max_memory_bytes, struct swb_predictor **ret) _warn_unused_;
struct swb_predictor *swb_predictor_free(struct swb_predictor *predictor);
SWB_DEFINE_CLEANUP(struct swb_predictor *, swb_predictor_free)

/*
 * What is learned of names that mean the same in all of a kernel's modules: numbers of the kernel's
 * types, checksums of what modules use. For the files of one operation, taken in the same order on
 * both sides (PA-42). Without it each file learns for itself.
 */
struct swb_predictor_shared;

#define SWB_PREDICTOR_SHARED_BYTES ((size_t)512 << 10)

/* A copy of what was learned so far; NULL: nothing. Holds SWB_PREDICTOR_SHARED_BYTES. 0, -ENOMEM.
 */
int swb_predictor_shared_copy(const struct swb_predictor_shared *shared,
                              struct swb_predictor_shared **ret) _warn_unused_;
struct swb_predictor_shared *swb_predictor_shared_free(struct swb_predictor_shared *shared);
SWB_DEFINE_CLEANUP(struct swb_predictor_shared *, swb_predictor_shared_free)

/* Is the file one of those that share? */
bool swb_predictor_shares(const struct swb_predictor *predictor);
/* Before the first prediction, and only where it does. `shared` is borrowed for the predictor's
 * life; predictors that share are used one after the other. */
void swb_predictor_share(struct swb_predictor *predictor, struct swb_predictor_shared *shared);

/* The first field at or behind `begin` that ends at or before `end`. Fields never overlap. Return:
 * is there one? ret->new is for the caller to set. */
bool swb_predictor_next(struct swb_predictor *predictor, uint64_t begin, uint64_t end,
                        struct swb_place *ret);

/* What the field's value becomes, whose old value is `value` (zero-extended; the answer is cut to
 * the field's width by the caller). place->new must be set. */
uint64_t swb_predictor_predict(struct swb_predictor *predictor, const struct swb_place *place,
                               uint64_t value);

/* What it really became: later predictions learn from it. Called for every field that stands in a
 * copy, in the order of the new file. */
void swb_predictor_learn(struct swb_predictor *predictor, const struct swb_place *place,
                         uint64_t old_value, uint64_t new_value);

/* ---- the making side */

/* What the device must be told of the new file's layout. Appends it. 0, -ENOMEM. */
int swb_predictor_hints(enum swb_model model, struct swb_view *old, struct swb_view *new,
                        struct swb_buf *hints) _warn_unused_;

/*
 * Copies of the contents for the search of what is alike: in them, addresses have been replaced by
 * names of what they point at, which do not move. `copies`: those of an earlier difference, from
 * which better names follow; 0 at first. masked_old and masked_new have the sizes of old and new.
 * 0, -ENOMEM.
 */
int swb_predictor_mask(enum swb_model model, struct swb_view *old, struct swb_view *new,
                       const struct swb_copy *copies, size_t n_copies, uint8_t *masked_old,
                       uint8_t *masked_new) _warn_unused_;

/* The least max_memory_bytes with which it would have been made. */
size_t swb_predictor_memory(const struct swb_predictor *predictor);

/* A kind's name for reports ("branch", "rela-addend"); "none" for one that is not used. */
const char *swb_predictor_kind(uint8_t kind);
