/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/xml_plain.h - the tags of a document in its plainest form, without expat
 *
 * Place:  inside omaha only, for swb_xml_parse()
 * Why:    expat spends a hundred instructions on each byte, half of all that an update check costs
 *         the server, and devices that mean well write no more than this.
 * Plain:  an XML declaration as our writer makes it, or none; tags with ASCII names; values of
 *         printable ASCII without references; only white space between the tags. It is a whole
 *         and well-formed document, or it is not plain. What is not plain says nothing: the caller
 *         asks expat, which also knows what is wrong.
 */
#include "base/cleanup.h"

#define SWB_XML_PLAIN_TAGS_MAX 128
#define SWB_XML_PLAIN_TEXTS_MAX 512

struct swb_xml_tag {
        const char *name;        /* NULL: the end of an element */
        const char **attributes; /* name, value, …, NULL */
};

struct swb_xml_plain {
        struct swb_xml_tag tags[SWB_XML_PLAIN_TAGS_MAX];
        size_t n_tags;
        const char *texts[SWB_XML_PLAIN_TEXTS_MAX];
        size_t n_texts;
};

/* Cuts a text that ends with '\0' into its tags, which point into it; what it holds is spoilt
 * after that in any case. False: it is not plain. */
bool swb_xml_plain_read(struct swb_xml_plain *plain, char *text);
