/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/explain.h - a decision in words: for `info`, for logs, for the administrator
 *
 * Spec:   docs/spec/omaha.md OM-14
 */
#include "server/select/select.h"

/* The rule that decided, as a stable word: "up-to-date", "stage-is-full" … */
const char *swb_decision_word(const struct swb_decision *decision);

/* Which payload was passed over for this device, and what it lacks for it; "" for none. text:
 * SWB_PASSED_TEXT bytes. Returns text. */
#define SWB_PASSED_TEXT 256
const char *swb_decision_explain_passed(const struct swb_select_query *query,
                                        const struct swb_decision *decision, char *text);

/* "WORD: what that means here". text: SWB_EXPLAIN_TEXT bytes. Returns text. */
#define SWB_EXPLAIN_TEXT 400
const char *swb_decision_explain(const struct swb_select_query *query,
                                 const struct swb_decision *decision, char *text);
