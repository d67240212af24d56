/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/abilities.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DIGITS_MAX 9u /* so that nothing overflows */
#define MIB_SHIFT 20

/* A number and the blank behind it, or the text's end. */
static bool take_number(const char **at, uint64_t *ret)
{
        uint64_t value = 0;
        size_t n = 0;

        for (; (*at)[n] >= '0' && (*at)[n] <= '9' && n < DIGITS_MAX; n++)
                value = value * 10 + (uint64_t)((*at)[n] - '0');
        if (n == 0 || ((*at)[n] != ' ' && (*at)[n] != '\0'))
                return false;
        *at += n + ((*at)[n] == ' ');
        *ret = value;
        return true;
}

static bool is_name_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Names with single blanks between, behind a number and a blank; or nothing behind a number. */
static bool are_names(const char *text)
{
        if (!*text)
                return text[-1] != ' ';
        for (const char *c = text; *c; c++)
                if (!is_name_character(*c) && (*c != ' ' || c == text || !is_name_character(c[1])))
                        return false;
        return true;
}

void swb_abilities_parse(const char *text, struct swb_abilities *ret)
{
        static const struct swb_abilities unknown = {.minor = SWB_ABILITIES_MINOR_UNKNOWN,
                                                     .encoders = ""};
        uint64_t minor, memory, scratch;

        *ret = unknown;
        if (!text || strnlen(text, SWB_ABILITIES_TEXT_MAX) == SWB_ABILITIES_TEXT_MAX ||
            !take_number(&text, &minor) || !take_number(&text, &memory) ||
            !take_number(&text, &scratch) || !are_names(text))
                return;
        *ret = (struct swb_abilities){.is_told = true,
                                      .minor = (uint32_t)minor,
                                      .memory_bytes = memory << MIB_SHIFT,
                                      .scratch_bytes = scratch << MIB_SHIFT,
                                      .encoders = text};
}

const char *swb_abilities_format(const struct swb_abilities *abilities,
                                 char text[static SWB_ABILITIES_TEXT_MAX])
{
        (void)snprintf(text, SWB_ABILITIES_TEXT_MAX, "%u %" PRIu64 " %" PRIu64 "%s%s",
                       abilities->minor, abilities->memory_bytes >> MIB_SHIFT,
                       abilities->scratch_bytes >> MIB_SHIFT, *abilities->encoders ? " " : "",
                       abilities->encoders);
        return text;
}

/* The first of the names that the device lacks, in `name`; "": none. */
static const char *missing_encoder(const struct swb_abilities *abilities,
                                   const struct swb_demands *demands, char *name, size_t size)
{
        const char *rest = demands->encoders;

        while (swb_next_word(&rest, name, size))
                if (!swb_has_word(abilities->encoders, name))
                        return name;
        *name = '\0';
        return name;
}

enum swb_lack swb_abilities_lack(const struct swb_abilities *abilities,
                                 const struct swb_demands *demands)
{
        char name[SWB_ABILITIES_TEXT_MAX];

        if (demands->minor >= SWB_ABILITIES_MINOR_OWN && demands->minor > abilities->minor)
                return SWB_LACK_MINOR;
        if (!*demands->encoders)
                return SWB_LACK_NOTHING;
        if (*missing_encoder(abilities, demands, name, sizeof(name)))
                return SWB_LACK_ENCODER;
        if (demands->memory_bytes > abilities->memory_bytes)
                return SWB_LACK_MEMORY;
        return demands->scratch_bytes > abilities->scratch_bytes ? SWB_LACK_SCRATCH
                                                                 : SWB_LACK_NOTHING;
}

const char *swb_abilities_describe_lack(const struct swb_abilities *abilities,
                                        const struct swb_demands *demands,
                                        char text[static SWB_LACK_TEXT])
{
        char name[SWB_ABILITIES_TEXT_MAX], size[SWB_SIZE_TEXT];

        *text = '\0';
        switch (swb_abilities_lack(abilities, demands)) {
        case SWB_LACK_MINOR:
                (void)snprintf(text, SWB_LACK_TEXT, "is of minor version %u, %s %u", demands->minor,
                               abilities->is_told ? "the device reads them up to"
                                                  : "the device does not announce any above",
                               abilities->minor);
                break;
        case SWB_LACK_ENCODER:
                (void)missing_encoder(abilities, demands, name, sizeof(name));
                (void)snprintf(text, SWB_LACK_TEXT, "needs the encoder '%.40s'", name);
                break;
        case SWB_LACK_MEMORY:
                (void)snprintf(text, SWB_LACK_TEXT, "needs %s of memory for opened contents",
                               swb_format_size(demands->memory_bytes, size));
                break;
        case SWB_LACK_SCRATCH:
                (void)snprintf(text, SWB_LACK_TEXT, "needs %s of scratch space",
                               swb_format_size(demands->scratch_bytes, size));
                break;
        case SWB_LACK_NOTHING:
        default:
                break;
        }
        return text;
}
