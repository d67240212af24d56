/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/gate.h"

static struct swb_gate_answer automatic(bool allow, const char *off, uint64_t wait_usec)
{
        if (!allow)
                return (struct swb_gate_answer){.rule = off};
        return (struct swb_gate_answer){.allow = true, .rule = "automatic", .wait_usec = wait_usec};
}

struct swb_gate_answer swb_gate_ask(enum swb_gate gate, const struct swb_gate_facts *facts)
{
        const struct swb_config *config = facts->config;

        if (facts->by_hand)
                return (struct swb_gate_answer){.allow = true, .rule = "asked for"};
        switch (gate) {
        case SWB_GATE_DOWNLOAD:
                return automatic(config->update.auto_download, "[update] auto-download is off", 0);
        case SWB_GATE_INSTALL:
                return automatic(config->update.auto_install, "[update] auto-install is off", 0);
        case SWB_GATE_REBOOT:
                return automatic(config->reboot.automatic, "[reboot] automatic is off",
                                 config->reboot.delay_usec);
        default:
                swb_assert(false);
                return (struct swb_gate_answer){.rule = "unknown gate"};
        }
}
