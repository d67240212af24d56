/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/import/nebraska.h - what a Nebraska server (Flatcar's update server) knows, as JSON
 *
 * Place:  before server/import/import.h, which makes our apps, releases, channels and groups of it
 * Input:  answers of its API (pages of applications, channels, groups, packages), or a plain-text
 *         dump of its database (COPY blocks, as pg_dump writes them); any number of them, in any
 *         order. What comes twice is one.
 * Limits: SWB_NEBRASKA_TEXT_MAX_BYTES a text, SWB_NEBRASKA_OBJECTS_MAX of each kind.
 */
#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

#define SWB_NEBRASKA_TEXT_MAX_BYTES (64u << 20)
#define SWB_NEBRASKA_OBJECTS_MAX 20000

/* Objects by their id, with the members that the API gives them: a dump's rows have the same. */
struct swb_nebraska {
        json_t *apps, *channels, *groups, *packages;
};

int swb_nebraska_init(struct swb_nebraska *n, struct swb_error *err) _warn_unused_;
void swb_nebraska_done(struct swb_nebraska *n);

/* FORMAT: neither the API's JSON nor a dump; LIMIT. */
int swb_nebraska_add(struct swb_nebraska *n, const char *text, size_t n_bytes,
                     struct swb_error *err) _warn_unused_;
/* All that the API below this URL tells. token_header: "Authorization: …", or NULL. */
int swb_nebraska_fetch(struct swb_nebraska *n, const char *url, const char *token_header,
                       const char *ca_file, struct swb_error *err) _warn_unused_;

/* A dump's part of swb_nebraska_add(). */
int swb_nebraska_add_dump(struct swb_nebraska *n, const char *text, size_t n_bytes,
                          struct swb_error *err) _warn_unused_;
/* Takes the object over; one that is there already gets the members that it lacks. */
int swb_nebraska_put(json_t *map, json_t *object, struct swb_error *err) _warn_unused_;

/* Members, whatever they are written as: "" or 0 or false when there is none. */
const char *swb_nebraska_text(const json_t *object, const char *name);
uint64_t swb_nebraska_number(const json_t *object, const char *name);
bool swb_nebraska_truth(const json_t *object, const char *name);
