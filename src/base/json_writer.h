/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/json_writer.h - JSON text into a buffer, element by element
 *
 * Commas, quoting and escaping are the writer's. Errors stick: call the functions in a row and ask
 * swb_json_end() once. Bytes that are not UTF-8 are written as U+FFFD. With `indent` the text is
 * laid out for people, one element a line.
 */
#include "base/buf.h"

#define SWB_JSON_DEPTH_MAX 32

struct swb_json {
        struct swb_buf *buf; /* borrowed */
        bool indent;
        int error; /* first failure, 0 = none */
        unsigned depth;
        bool has_elements[SWB_JSON_DEPTH_MAX];
};

#define SWB_JSON(out, pretty) ((struct swb_json){.buf = (out), .indent = (pretty)})

/* `name` is the member's name inside an object, NULL inside an array or at the top. */
void swb_json_open_object(struct swb_json *json, const char *name);
void swb_json_close_object(struct swb_json *json);
void swb_json_open_array(struct swb_json *json, const char *name);
void swb_json_close_array(struct swb_json *json);
void swb_json_str(struct swb_json *json, const char *name, const char *value); /* NULL: null */
/* A value that is JSON already; not looked at. */
void swb_json_raw(struct swb_json *json, const char *name, const char *text);
void swb_json_u64(struct swb_json *json, const char *name, uint64_t value);
void swb_json_i64(struct swb_json *json, const char *name, int64_t value);
void swb_json_bool(struct swb_json *json, const char *name, bool value);
void swb_json_double(struct swb_json *json, const char *name, double value);
void swb_json_null(struct swb_json *json, const char *name);

/* Ends the text with a newline. Return: 0, or the first failure (-E2BIG, -ENOMEM, -EINVAL for
 * brackets that do not match). */
int swb_json_end(struct swb_json *json) _warn_unused_;
