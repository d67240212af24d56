/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/verdict.h"

static const char *const sentences[_SWB_VERDICT_MAX] = {
        [SWB_VERDICT_NORMAL] = "nothing is pending",
        [SWB_VERDICT_RESUME] = "an update was interrupted, going on with it",
        [SWB_VERDICT_ACTIVATE] = "an update is installed but not bootable yet",
        [SWB_VERDICT_REBOOT] = "an update is installed and waits for the reboot",
        [SWB_VERDICT_CONFIRM] = "the new system runs and is to be confirmed",
        [SWB_VERDICT_CONFIRMED] = "the new system runs and is marked good",
        [SWB_VERDICT_FELL_BACK] = "the new system did not come up, the boot loader fell back",
        [SWB_VERDICT_EXPEL] = "the system that failed its health checks still runs",
        [SWB_VERDICT_EXPELLED] = "the system that failed its health checks was left",
        [SWB_VERDICT_STRANGER] = "the running slot is not marked good yet",
        [SWB_VERDICT_UNSOUND] = "the running slot is not bootable by its flags",
        [SWB_VERDICT_STALE] = "the pending update does not fit to what runs, dropping it",
};

const char *swb_verdict_to_string(enum swb_verdict verdict)
{
        return sentences[verdict];
}

/* The slot that runs and is not the pending update's: it must be what one can fall back to. */
static enum swb_verdict judge_running(const struct swb_slot_flags *running)
{
        if (running->priority == 0)
                return SWB_VERDICT_UNSOUND;
        return running->successful ? SWB_VERDICT_NORMAL : SWB_VERDICT_STRANGER;
}

static enum swb_verdict judge_unfinished(const struct swb_pending *pending,
                                         const struct swb_circumstances *now)
{
        /* Another system than the one that began: flashed by hand, or slots switched. */
        if (now->running == pending->slot || strcmp(now->version, pending->from_version) != 0)
                return SWB_VERDICT_STALE;
        return SWB_VERDICT_RESUME;
}

static enum swb_verdict judge_installed(const struct swb_pending *pending,
                                        const struct swb_circumstances *now)
{
        const struct swb_slot_flags *target = &now->flags->slot[pending->slot];

        if (now->running == pending->slot)
                return target->successful && target->priority > 0 ? SWB_VERDICT_CONFIRMED
                                                                  : SWB_VERDICT_CONFIRM;
        /* The flags are set after the phase was stored, and a boot loader never changes a priority:
         * so the flags were not set, or were lost since. The slot had no turn. */
        if (target->priority != SWB_BOOT_PRIORITY_MAX)
                return SWB_VERDICT_ACTIVATE;
        return strcmp(pending->boot_id, now->boot_id) == 0 ? SWB_VERDICT_REBOOT
                                                           : SWB_VERDICT_FELL_BACK;
}

static enum swb_verdict judge_pending(const struct swb_pending *pending,
                                      const struct swb_circumstances *now)
{
        switch (pending->phase) {
        case SWB_PHASE_FOUND:
        case SWB_PHASE_INSTALLING:
                return judge_unfinished(pending, now);
        case SWB_PHASE_INSTALLED:
                return judge_installed(pending, now);
        case SWB_PHASE_REJECTED:
                return now->running == pending->slot ? SWB_VERDICT_EXPEL : SWB_VERDICT_EXPELLED;
        case SWB_PHASE_NONE:
        case _SWB_PHASE_MAX:
        case _SWB_PHASE_INVALID:
        default:
                return SWB_VERDICT_NORMAL;
        }
}

enum swb_verdict swb_verdict(const struct swb_pending *pending, const struct swb_circumstances *now)
{
        bool runs_pending =
                (pending->phase == SWB_PHASE_INSTALLED || pending->phase == SWB_PHASE_REJECTED) &&
                pending->slot == now->running;
        enum swb_verdict verdict = judge_running(&now->flags->slot[now->running]);

        if (!runs_pending && verdict != SWB_VERDICT_NORMAL)
                return verdict;
        return judge_pending(pending, now);
}
