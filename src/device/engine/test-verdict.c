/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/engine/verdict.h"

#define GOOD                                                                                       \
        {                                                                                          \
                15, 0, true                                                                        \
        }
#define OLD_GOOD                                                                                   \
        {                                                                                          \
                14, 0, true                                                                        \
        }
#define TRIED                                                                                      \
        {                                                                                          \
                15, 2, false                                                                       \
        }
#define USED_UP                                                                                    \
        {                                                                                          \
                15, 0, false                                                                       \
        }
#define OFF                                                                                        \
        {                                                                                          \
                0, 0, false                                                                        \
        }
#define HERE "boot-1"

/* The old system is 1.0 in slot A, the update 1.1 goes into B, the present boot is boot-1. */
static const struct {
        const char *what;
        enum swb_phase phase;
        const char *began_in; /* boot in which the phase was stored */
        enum swb_slot running;
        const char *version;
        struct swb_slot_flags a, b;
        enum swb_verdict want;
} table[] = {
        {"nothing pending", SWB_PHASE_NONE, "", SWB_SLOT_A, "1.0", GOOD, OFF, SWB_VERDICT_NORMAL},
        {"nothing pending in B", SWB_PHASE_NONE, "", SWB_SLOT_B, "1.0", OFF, GOOD,
         SWB_VERDICT_NORMAL},
        {"fresh from the factory", SWB_PHASE_NONE, "", SWB_SLOT_A, "1.0", TRIED, OFF,
         SWB_VERDICT_STRANGER},
        {"state lost after the reboot", SWB_PHASE_NONE, "", SWB_SLOT_B, "1.1", OLD_GOOD, TRIED,
         SWB_VERDICT_STRANGER},
        {"flags do not name what runs", SWB_PHASE_NONE, "", SWB_SLOT_A, "1.0", OFF, GOOD,
         SWB_VERDICT_UNSOUND},

        {"found, then a restart", SWB_PHASE_FOUND, "", SWB_SLOT_A, "1.0", GOOD, OLD_GOOD,
         SWB_VERDICT_RESUME},
        {"cut while writing", SWB_PHASE_INSTALLING, "", SWB_SLOT_A, "1.0", GOOD, OFF,
         SWB_VERDICT_RESUME},
        {"cut before the flags were cleared", SWB_PHASE_INSTALLING, "", SWB_SLOT_A, "1.0", GOOD,
         OLD_GOOD, SWB_VERDICT_RESUME},
        {"running slot flashed meanwhile", SWB_PHASE_INSTALLING, "", SWB_SLOT_A, "1.0.5", GOOD, OFF,
         SWB_VERDICT_STALE},
        {"slots switched by hand", SWB_PHASE_INSTALLING, "", SWB_SLOT_B, "1.0", GOOD, GOOD,
         SWB_VERDICT_STALE},
        {"running slot not good", SWB_PHASE_FOUND, "", SWB_SLOT_A, "1.0", TRIED, OFF,
         SWB_VERDICT_STRANGER},
        {"flags lost while writing", SWB_PHASE_INSTALLING, "", SWB_SLOT_A, "1.0", TRIED, OFF,
         SWB_VERDICT_STRANGER},
        {"the slot that was written runs", SWB_PHASE_INSTALLING, "", SWB_SLOT_B, "1.1", OLD_GOOD,
         TRIED, SWB_VERDICT_STRANGER},

        {"cut between state and flags", SWB_PHASE_INSTALLED, HERE, SWB_SLOT_A, "1.0", GOOD, OFF,
         SWB_VERDICT_ACTIVATE},
        {"the same, and power was gone", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_A, "1.0", GOOD,
         OFF, SWB_VERDICT_ACTIVATE},
        {"flags lost before the reboot",
         SWB_PHASE_INSTALLED,
         HERE,
         SWB_SLOT_A,
         "1.0",
         {2, 2, false},
         {1, 3, false},
         SWB_VERDICT_STRANGER},
        {"the same, once the running slot is good",
         SWB_PHASE_INSTALLED,
         "boot-0",
         SWB_SLOT_A,
         "1.0",
         {2, 2, true},
         {1, 3, false},
         SWB_VERDICT_ACTIVATE},
        {"priority of the running slot lost",
         SWB_PHASE_INSTALLED,
         "boot-0",
         SWB_SLOT_A,
         "1.0",
         {0, 0, true},
         USED_UP,
         SWB_VERDICT_UNSOUND},
        {"waits for the reboot",
         SWB_PHASE_INSTALLED,
         HERE,
         SWB_SLOT_A,
         "1.0",
         OLD_GOOD,
         {15, 3, false},
         SWB_VERDICT_REBOOT},
        {"new system up", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_B, "1.1", OLD_GOOD, TRIED,
         SWB_VERDICT_CONFIRM},
        {"new system up on its last try", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_B, "1.1",
         OLD_GOOD, USED_UP, SWB_VERDICT_CONFIRM},
        {"cut after marking good", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_B, "1.1", OLD_GOOD, GOOD,
         SWB_VERDICT_CONFIRMED},
        {"all tries used up", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_A, "1.0", OLD_GOOD, USED_UP,
         SWB_VERDICT_FELL_BACK},
        {"its kernel can't be loaded, tries are left", SWB_PHASE_INSTALLED, "boot-0", SWB_SLOT_A,
         "1.0", OLD_GOOD, TRIED, SWB_VERDICT_FELL_BACK},

        {"rejected, not yet rebooted", SWB_PHASE_REJECTED, HERE, SWB_SLOT_B, "1.1", OLD_GOOD, TRIED,
         SWB_VERDICT_EXPEL},
        {"rejected, flags cleared, cut before the reboot", SWB_PHASE_REJECTED, HERE, SWB_SLOT_B,
         "1.1", OLD_GOOD, OFF, SWB_VERDICT_EXPEL},
        {"rejected and left", SWB_PHASE_REJECTED, "boot-0", SWB_SLOT_A, "1.0", OLD_GOOD, OFF,
         SWB_VERDICT_EXPELLED},
        {"rejected and left by the loader, flags never cleared", SWB_PHASE_REJECTED, "boot-0",
         SWB_SLOT_A, "1.0", OLD_GOOD, USED_UP, SWB_VERDICT_EXPELLED},
};

static void each_situation_is_told_apart(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++) {
                struct swb_pending pending = {.phase = table[i].phase,
                                              .slot = SWB_SLOT_B,
                                              .version = "1.1",
                                              .from_version = "1.0"};
                struct swb_boot_flags flags = {{table[i].a, table[i].b}};
                struct swb_circumstances now = {&flags, table[i].running, table[i].version, HERE};
                enum swb_verdict verdict;

                (void)snprintf(pending.boot_id, sizeof(pending.boot_id), "%s", table[i].began_in);
                verdict = swb_verdict(&pending, &now);
                if (verdict != table[i].want)
                        fail_msg("%s: %s", table[i].what, swb_verdict_to_string(verdict));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_situation_is_told_apart),
        };

        return cmocka_run_group_tests_name("device/engine/verdict", tests, NULL, NULL);
}
