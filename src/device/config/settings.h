/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/config/settings.h - the table of keys: name, type, default, place in struct swb_config
 *
 * The keys with free names ([slot.X] PARTITION, [health] check.NAME) are not in it; config.c reads
 * them.
 */
#include "device/config/config.h"

enum swb_setting_type {
        SWB_SETTING_TEXT,     /* char *: any printable text */
        SWB_SETTING_PATH,     /* char *: absolute path */
        SWB_SETTING_URL,      /* char *: http:// or https:// */
        SWB_SETTING_BOOL,     /* bool */
        SWB_SETTING_NUMBER,   /* uint64_t */
        SWB_SETTING_SIZE,     /* uint64_t, bytes with suffix */
        SWB_SETTING_DURATION, /* uint64_t, microseconds; min and max are in seconds */
        SWB_SETTING_WINDOWS,  /* struct swb_windows */
};

struct swb_setting {
        const char *section, *key;
        enum swb_setting_type type;
        const char *fallback; /* as it would stand in the file; NULL: the key is required */
        size_t offset;        /* in struct swb_config */
        uint64_t min, max;    /* of numbers, sizes and durations; max 0: none */
};

/* The table's entry, NULL behind the last. */
const struct swb_setting *swb_setting_at(size_t index);
/* NULL if there is none of this name. */
const struct swb_setting *swb_setting_find(const char *section, const char *key);
/* The entry's section or key nearest to a mistyped one; NULL when nothing is near. */
const char *swb_setting_nearest_section(const char *section);
const char *swb_setting_nearest_key(const char *section, const char *key);

/* Parses value into config (a string there is replaced). CONFIG with "'value' is not …". */
int swb_setting_store(const struct swb_setting *setting, struct swb_config *config,
                      const char *value, struct swb_error *err) _warn_unused_;
