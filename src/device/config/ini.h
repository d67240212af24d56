/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/config/ini.h - an INI text, key by key
 *
 * [section], KEY=value, comments on lines of their own that begin with '#' or ';'. No values over
 * several lines and no comments behind a value: a ';' or '#' in a command stays what it is. (inih
 * cuts there, and at 200 bytes.)
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_INI_LINE_MAX 4096 /* bytes */

/* Called for each key in the file's order, white space around key and value removed; all text is
 * borrowed for the call. section is "" before the first one. < 0 with err filled ends the parse. */
typedef int (*swb_ini_handler)(void *context, unsigned line, const char *section, const char *key,
                               const char *value, struct swb_error *err);

/*
 * `name` goes in front of every error: "name:line: …", the handler's included.
 * CONFIG for a line that is none of the above, a control character, a line above
 * SWB_INI_LINE_MAX; or what the handler returned.
 */
int swb_ini_parse(const char *name, const char *text, size_t n_bytes, swb_ini_handler handler,
                  void *context, struct swb_error *err) _warn_unused_;
