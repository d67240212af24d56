/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swbd/journal.h - log lines with fields, where the journal takes them
 *
 * Each line carries SWB_STATE, SWB_VERSION (that runs) and SWB_SLOT, SWB_TARGET_VERSION while there
 * is an update, and SWB_FAULT when it is about a failure: "journalctl -u swbd SWB_FAULT=hash".
 */
#include "device/engine/engine.h"

/* From now on, if standard error is a stream of the journal's. */
void swbd_journal_start(void);

/* What the next lines carry. */
void swbd_journal_tell(const struct swb_status *status);
