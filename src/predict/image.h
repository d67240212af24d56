/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/image.h - kernels of AArch64 as they are booted: memory from its first byte on, no
 * headers
 *
 * What an ELF file says of itself is found by content: the type information, the relocations and
 * from them the address at which all begins. Between and around them code and data are told apart
 * page by page. Spec: docs/design/delta.md, PA-100 and PA-101.
 */
#include "predict/elf_file.h"

/* Number 0 is none, as in an ELF file. What is not there has no bytes. */
enum {
        SWB_IMAGE_HEAD = 1, /* before the types */
        SWB_IMAGE_TYPES,
        SWB_IMAGE_MIDDLE,
        SWB_IMAGE_RELOCATIONS, /* entries, or words of bits (SHT_RELR) */
        SWB_IMAGE_REST,
        SWB_IMAGE_BSS, /* behind the file's end */
        SWB_IMAGE_SECTIONS,
};

/* Does a content of n_content bytes that begins so look like one? `start` has n bytes. */
bool swb_image_is(const uint8_t *start, size_t n, uint64_t n_content);

/* All of its sections but their spots. */
void swb_image_sections(struct swb_view *view, struct swb_section sections[SWB_IMAGE_SECTIONS]);
