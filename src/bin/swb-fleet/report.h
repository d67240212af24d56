/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-fleet/report.h - what the devices did beside what the server says that they did */
#include "device/crowd/crowd.h"

/* Prints a table. before, after: the server's metrics around the run; equal numbers are demanded of
 * what one fleet alone can have caused. Return: how many numbers differ. */
size_t report_print(const struct swb_crowd_truth *truth, const char *before, const char *after);
