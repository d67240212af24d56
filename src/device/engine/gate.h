/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/gate.h - may this happen now? Pure policy, one answer for log, D-Bus and server
 *
 * The only rules so far are the configuration's automatic-or-not switches. Windows, inhibitors,
 * deferral, budgets and deadlines join here: facts in, an answer with its rule and the time to ask
 * again out.
 */
#include "device/config/config.h"

enum swb_gate {
        SWB_GATE_DOWNLOAD, /* begin or go on with download and apply */
        SWB_GATE_INSTALL,  /* make the new slot bootable */
        SWB_GATE_REBOOT,
};

struct swb_gate_facts {
        const struct swb_config *config;
        bool by_hand; /* a person or an application asked for exactly this */
};

struct swb_gate_answer {
        bool allow;
        const char *rule;   /* static string: which rule decided */
        uint64_t wait_usec; /* allow: how long to wait first; else: ask again then, 0 = when asked
                               to */
};

struct swb_gate_answer swb_gate_ask(enum swb_gate gate, const struct swb_gate_facts *facts);
