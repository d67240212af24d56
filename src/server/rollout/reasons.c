/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/reasons.h"

#include "server/store/names.h"

#define SHOWN_MAX 3

void swb_reasons_init(struct swb_reasons *reasons, const char *name_of_others)
{
        *reasons = (struct swb_reasons){.n = 1};
        swb_copy_bounded(reasons->list[0].name, name_of_others, SWB_FAILURE_NAME - 1);
}

uint8_t swb_reasons_place(struct swb_reasons *reasons, const char *name)
{
        char bounded[SWB_FAILURE_NAME];

        swb_copy_bounded(bounded, name, sizeof(bounded) - 1);
        for (size_t i = 0; i < reasons->n; i++)
                if (strcmp(reasons->list[i].name, bounded) == 0)
                        return (uint8_t)i;
        if (reasons->n == SWB_REASONS_MAX)
                return 0;
        memcpy(reasons->list[reasons->n].name, bounded, sizeof(bounded));
        return (uint8_t)reasons->n++;
}

void swb_reasons_describe(const struct swb_reasons *reasons, char *text, size_t size)
{
        bool shown[SWB_REASONS_MAX] = {false};
        size_t n = 0;

        text[0] = '\0';
        for (int round = 0; round < SHOWN_MAX; round++) {
                size_t best = SWB_REASONS_MAX;

                for (size_t i = 0; i < reasons->n; i++)
                        if (!shown[i] && reasons->list[i].n_bad > 0 &&
                            (best == SWB_REASONS_MAX ||
                             reasons->list[i].n_bad > reasons->list[best].n_bad))
                                best = i;
                if (best == SWB_REASONS_MAX || n >= size)
                        return;
                shown[best] = true;
                n += (size_t)snprintf(text + n, size - n, "%s%s (%llu)", round ? ", " : "",
                                      reasons->list[best].name,
                                      (unsigned long long)reasons->list[best].n_bad);
        }
}
