/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/lots.h - where code, tables and the signature of a program or module lie
 */
#include "generator/explain/classes.h"

/* Fills in the regions of an ELF file that predictions know (64 bits, x86-64 or AArch64); leaves
 * another one without. IO, NO_MEMORY. */
int swb_lots_find(const struct swb_image *image, const struct swb_file *file, struct swb_sort *sort,
                  struct swb_error *err) _warn_unused_;
