/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/variables.h"

#include "base/text.h"

enum field { PRIORITY, TRIES, SUCCESSFUL, N_FIELDS };

/* In the order slot * N_FIELDS + field. */
static const struct swb_boot_variable variables[SWB_BOOT_VARIABLES] = {
        {"swb_A_priority", SWB_SLOT_A, SWB_BOOT_PRIORITY_MAX},
        {"swb_A_tries", SWB_SLOT_A, SWB_BOOT_TRIES_MAX},
        {"swb_A_successful", SWB_SLOT_A, 1},
        {"swb_B_priority", SWB_SLOT_B, SWB_BOOT_PRIORITY_MAX},
        {"swb_B_tries", SWB_SLOT_B, SWB_BOOT_TRIES_MAX},
        {"swb_B_successful", SWB_SLOT_B, 1},
};

const struct swb_boot_variable *swb_boot_variable_at(size_t index)
{
        swb_assert(index < SWB_BOOT_VARIABLES);
        return &variables[index];
}

unsigned swb_boot_variable_get(size_t index, const struct swb_boot_flags *flags)
{
        const struct swb_slot_flags *slot;

        swb_assert(index < SWB_BOOT_VARIABLES);
        slot = &flags->slot[variables[index].slot];
        switch ((enum field)(index % N_FIELDS)) {
        case PRIORITY:
                return slot->priority;
        case TRIES:
                return slot->tries;
        case SUCCESSFUL:
        case N_FIELDS:
        default:
                return slot->successful;
        }
}

static void set(size_t index, unsigned value, struct swb_boot_flags *flags)
{
        struct swb_slot_flags *slot = &flags->slot[variables[index].slot];

        switch ((enum field)(index % N_FIELDS)) {
        case PRIORITY:
                slot->priority = value;
                return;
        case TRIES:
                slot->tries = value;
                return;
        case SUCCESSFUL:
        case N_FIELDS:
        default:
                slot->successful = value;
        }
}

int swb_boot_variables_read(const char *(*get)(void *context, const char *name), void *context,
                            const char *place, struct swb_boot_flags *ret, struct swb_error *err)
{
        struct swb_boot_flags flags = {0};
        const char *missing = NULL;
        size_t n_found = 0;

        for (size_t i = 0; i < SWB_BOOT_VARIABLES; i++) {
                const char *text = get(context, variables[i].name);
                uint64_t value;

                if (!text) {
                        missing = variables[i].name;
                        continue;
                }
                n_found++;
                if (swb_parse_u64(text, &value) < 0 || value > variables[i].max)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_BOOT,
                                        "%s: %s is '%.40s', not a number from 0 to %u", place,
                                        variables[i].name, text, variables[i].max);
                set(i, (unsigned)value, &flags);
        }
        if (n_found == 0)
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT, "%s: holds no boot flags", place);
        if (missing)
                return swb_fail(err, -EBADMSG, SWB_FAULT_BOOT, "%s: %s is missing", place, missing);
        *ret = flags;
        return 0;
}
