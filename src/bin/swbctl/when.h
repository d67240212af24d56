/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swbctl/when.h - times for people. Texts have room for TIME_TEXT characters and are returned.
 */
#include <inttypes.h>

#define TIME_TEXT 64

uint64_t wall_usec(void);
/* "42 s", "12 min", "3 h 20 min", "5 d" */
const char *format_span(uint64_t usec, char *text);
/* "3 min ago", "in 2 h 5 min"; "-" for 0. */
const char *format_when(uint64_t usec, char *text);
