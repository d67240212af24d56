/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/xml.h - a bounded XML reader (expat, and xml_plain.h for what is plain) and a writer, both
 * driven by tables
 *
 * Place:  inside omaha only
 * Reader: walks a document along rules "element NAME inside KIND is KIND2"; what no rule names is
 *         skipped with all that is in it. Limits of omaha/common.h; a document type declaration
 *         and any encoding but UTF-8 and ASCII are refused. No recursion.
 * Fields: one table names an element's attributes for both directions.
 */
#include "base/buf.h"
#include "base/error.h"

enum swb_xml_field_type {
        SWB_XML_TEXT,      /* const char *: "" when absent; not written when NULL or "" */
        SWB_XML_OPTIONAL,  /* const char *: NULL when absent, "" is a value of its own */
        SWB_XML_TRUE,      /* bool: exactly "true"; always written */
        SWB_XML_TRUE_ONLY, /* bool: exactly "true"; written only when true */
        SWB_XML_ONE,       /* bool: "1"; always written */
        SWB_XML_I32,       /* int32_t; signed or unsigned 32 bit; always written */
        SWB_XML_DAYS,      /* int32_t; not written when SWB_OMAHA_DAYS_UNKNOWN */
        SWB_XML_U64,       /* uint64_t, decimal; not written when 0 */
};

/* A number that can't be read leaves the field as it was. */
struct swb_xml_field {
        const char *name;
        enum swb_xml_field_type type;
        size_t offset;
};

#define SWB_XML_FIELD(field_name, field_type, object, member)                                      \
        {                                                                                          \
                field_name, field_type, offsetof(object, member)                                   \
        }

/* Memory for attribute values; one block, sized by the document, so it never moves. */
struct swb_xml_arena {
        char *data;
        size_t n_bytes, cap;
        bool overflow; /* something did not fit: refuse the document */
};

/* Room for all attributes of a document of n_bytes. -ENOMEM. */
int swb_xml_arena_init(struct swb_xml_arena *arena, size_t n_bytes) _warn_unused_;
void swb_xml_arena_done(struct swb_xml_arena *arena);

/* Fills the object's fields from the attributes (expat's name, value, …, NULL). */
void swb_xml_read_fields(struct swb_xml_arena *arena, const struct swb_xml_field *fields, size_t n,
                         void *object, const char **attributes);
#define SWB_XML_READ(arena, fields, object, attributes)                                            \
        swb_xml_read_fields(arena, fields, SWB_ELEMENTS(fields), object, attributes)
/* The attribute's value, borrowed for the call; NULL when absent. */
const char *swb_xml_attribute(const char **attributes, const char *name);

/* One element more at the end of an array, which may move. LIMIT when it has `max` of them
 * ("more than 64 apps"). */
int swb_xml_grow(void *array, size_t n, size_t max, size_t element_bytes, const char *what,
                 struct swb_error *err) _warn_unused_;

struct swb_xml_rule {
        int parent; /* kind of the element around it; 0: it is the root */
        const char *name;
        int kind; /* > 0 */
        int (*read)(void *context, const char **attributes,
                    struct swb_error *err); /* may be NULL */
};

/*
 * Return: 0; FORMAT (-EBADMSG) malformed, with line and reason; LIMIT (-E2BIG); UNSUPPORTED
 * (-EPROTONOSUPPORT) another root element or encoding; what a rule's read returned.
 */
int swb_xml_parse(const void *data, size_t n_bytes, const struct swb_xml_rule *rules,
                  size_t n_rules, void *context, struct swb_error *err) _warn_unused_;

/* A kind of document whose values are kept. */
struct swb_xml_document {
        const char *what; /* "request" */
        size_t max_bytes;
        const struct swb_xml_rule *rules;
        size_t n_rules;
};

/* Parses into an arena that is made for it; it is the caller's also after a failure. As
 * swb_xml_parse(), and LIMIT for a document that is too large. */
int swb_xml_parse_kept(const struct swb_xml_document *document, const void *data, size_t n_bytes,
                       struct swb_xml_arena *arena, void *context,
                       struct swb_error *err) _warn_unused_;

/* Writer. Errors stick; swb_xml_finish() returns the first one. */
struct swb_xml_writer {
        struct swb_buf *buf; /* borrowed */
        int error;
        bool in_tag;
};

void swb_xml_begin(struct swb_xml_writer *w, struct swb_buf *buf); /* writes the XML declaration */
void swb_xml_open(struct swb_xml_writer *w, const char *element);
void swb_xml_close(struct swb_xml_writer *w, const char *element);
/* Any text: markup, control and non-ASCII characters become references, what XML can't hold U+FFFD.
 */
void swb_xml_put(struct swb_xml_writer *w, const char *name, const char *value);
void swb_xml_put_u64(struct swb_xml_writer *w, const char *name, uint64_t value);
void swb_xml_put_fields(struct swb_xml_writer *w, const struct swb_xml_field *fields, size_t n,
                        const void *object);
#define SWB_XML_WRITE(w, fields, object) swb_xml_put_fields(w, fields, SWB_ELEMENTS(fields), object)
int swb_xml_finish(struct swb_xml_writer *w, struct swb_error *err) _warn_unused_;
