/* SPDX-License-Identifier: Apache-2.0 */
#include <expat.h>
#include <strings.h>

#include "base/text.h"
#include "omaha/common.h"
#include "omaha/xml.h"
#include "omaha/xml_plain.h"

/* Kind of an element that no rule names, and of all elements in it. */
#define IGNORED (-1)

struct walk {
        XML_Parser parser;
        const struct swb_xml_rule *rules;
        size_t n_rules;
        void *context;
        int kinds[SWB_OMAHA_DEPTH_MAX + 1]; /* [0]: the document */
        size_t depth;
        struct swb_error error; /* why the walk was stopped, code 0 = it was not */
};

int swb_xml_arena_init(struct swb_xml_arena *arena, size_t n_bytes)
{
        char *data = malloc(n_bytes + 1);

        if (!data)
                return -ENOMEM;
        *arena = (struct swb_xml_arena){.data = data, .cap = n_bytes + 1};
        return 0;
}

void swb_xml_arena_done(struct swb_xml_arena *arena)
{
        free(arena->data);
        *arena = (struct swb_xml_arena){0};
}

/* In UTF-8 a value is never longer than its source text, which has a name and quotes besides: it
 * fits. If it does not all the same, the document is refused in the end. */
static const char *keep(struct swb_xml_arena *arena, const char *value)
{
        size_t n = strlen(value) + 1;
        char *copy = arena->data + arena->n_bytes;

        if (n > arena->cap - arena->n_bytes) {
                arena->overflow = true;
                return "";
        }
        memcpy(copy, value, n);
        arena->n_bytes += n;
        return copy;
}

const char *swb_xml_attribute(const char **attributes, const char *name)
{
        for (; *attributes; attributes += 2)
                if (strcmp(attributes[0], name) == 0)
                        return attributes[1];
        return NULL;
}

static void read_i32(const char *value, int32_t *number)
{
        int64_t wide;

        if (swb_parse_i64(value, &wide) == 0 && wide >= INT32_MIN && wide <= UINT32_MAX)
                *number = (int32_t)(uint32_t)wide;
}

static void read_field(struct swb_xml_arena *arena, const struct swb_xml_field *field, char *at,
                       const char *value)
{
        switch (field->type) {
        case SWB_XML_TEXT:
                *(const char **)at = value ? keep(arena, value) : "";
                break;
        case SWB_XML_OPTIONAL:
                *(const char **)at = value ? keep(arena, value) : NULL;
                break;
        case SWB_XML_TRUE:
        case SWB_XML_TRUE_ONLY:
                *(bool *)at = value && strcmp(value, "true") == 0;
                break;
        case SWB_XML_ONE:
                *(bool *)at = value && strcmp(value, "1") == 0;
                break;
        case SWB_XML_I32:
        case SWB_XML_DAYS:
                if (value)
                        read_i32(value, (int32_t *)at);
                break;
        case SWB_XML_U64:
                if (value && swb_parse_u64(value, (uint64_t *)at) < 0)
                        return;
                break;
        default:
                swb_assert(false);
        }
}

void swb_xml_read_fields(struct swb_xml_arena *arena, const struct swb_xml_field *fields, size_t n,
                         void *object, const char **attributes)
{
        for (size_t i = 0; i < n; i++)
                read_field(arena, &fields[i], (char *)object + fields[i].offset,
                           swb_xml_attribute(attributes, fields[i].name));
}

int swb_xml_grow(void *array, size_t n, size_t max, size_t element_bytes, const char *what,
                 struct swb_error *err)
{
        void *grown;

        if (n == max)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %zu %s", max, what);
        grown = reallocarray(*(void **)array, n + 1, element_bytes);
        if (!grown)
                return swb_oom(err);
        *(void **)array = grown;
        return 0;
}

static void stop(struct walk *walk)
{
        (void)XML_StopParser(walk->parser, XML_FALSE); /* fails only when already stopped */
}

static int check_attributes(const char *element, const char **attributes, struct swb_error *err)
{
        size_t n = 0;

        for (const char **a = attributes; *a; a += 2) {
                if (++n > SWB_OMAHA_ATTRIBUTES_MAX)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                        "element '%.32s' has more than %d attributes", element,
                                        SWB_OMAHA_ATTRIBUTES_MAX);
                if (strlen(a[1]) > SWB_OMAHA_ATTRIBUTE_MAX_BYTES)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                        "attribute '%.32s' of element '%.32s' is longer than %d "
                                        "bytes",
                                        a[0], element, SWB_OMAHA_ATTRIBUTE_MAX_BYTES);
        }
        return 0;
}

static const struct swb_xml_rule *find_rule(const struct walk *walk, const char *name)
{
        for (size_t i = 0; i < walk->n_rules; i++)
                if (walk->rules[i].parent == walk->kinds[walk->depth] &&
                    strcmp(walk->rules[i].name, name) == 0)
                        return &walk->rules[i];
        return NULL;
}

static int enter(struct walk *walk, const char *name, const char **attributes)
{
        const struct swb_xml_rule *rule = find_rule(walk, name);
        int r;

        if (walk->depth == SWB_OMAHA_DEPTH_MAX)
                return swb_fail(&walk->error, -E2BIG, SWB_FAULT_LIMIT,
                                "elements are nested deeper than %d", SWB_OMAHA_DEPTH_MAX);
        r = check_attributes(name, attributes, &walk->error);
        if (r < 0)
                return r;
        if (walk->depth == 0 && !rule)
                return swb_fail(&walk->error, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "root element is '%.32s', expected '%s'", name,
                                walk->rules[0].name);
        walk->kinds[++walk->depth] = rule ? rule->kind : IGNORED;
        return rule && rule->read ? rule->read(walk->context, attributes, &walk->error) : 0;
}

static void on_start(void *userdata, const char *name, const char **attributes)
{
        struct walk *walk = userdata;

        if (walk->error.code == 0 && enter(walk, name, attributes) < 0)
                stop(walk);
}

static void on_end(void *userdata, const char *name)
{
        struct walk *walk = userdata;

        (void)name;
        if (walk->error.code == 0)
                walk->depth--;
}

static void on_doctype(void *userdata, const char *name, const char *system_id,
                       const char *public_id, int has_internal_subset)
{
        struct walk *walk = userdata;

        (void)name;
        (void)system_id;
        (void)public_id;
        (void)has_internal_subset;
        (void)swb_fail(&walk->error, -EBADMSG, SWB_FAULT_FORMAT,
                       "a document type declaration is not allowed");
        stop(walk);
}

static void on_declaration(void *userdata, const char *version, const char *encoding,
                           int standalone)
{
        struct walk *walk = userdata;

        (void)version;
        (void)standalone;
        if (!encoding || strcasecmp(encoding, "utf-8") == 0 ||
            strcasecmp(encoding, "us-ascii") == 0)
                return;
        (void)swb_fail(&walk->error, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                       "encoding '%.32s', only UTF-8 is taken", encoding);
        stop(walk);
}

/* What made the walk stop. */
static int refusal(const struct walk *walk, struct swb_error *err)
{
        if (err)
                *err = walk->error;
        return walk->error.code;
}

/* Why expat gave up, or what the walk found; 0 when all is well. */
static int result_of(struct walk *walk, enum XML_Status status, struct swb_error *err)
{
        enum XML_Error error = XML_GetErrorCode(walk->parser);

        if (walk->error.code < 0)
                return refusal(walk, err);
        if (status == XML_STATUS_OK)
                return 0;
        if (error == XML_ERROR_NO_MEMORY)
                return swb_oom(err);
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "XML line %lu, column %lu: %s",
                        XML_GetCurrentLineNumber(walk->parser),
                        XML_GetCurrentColumnNumber(walk->parser) + 1, XML_ErrorString(error));
}

static int parse_any(struct walk *walk, const void *data, size_t n_bytes, struct swb_error *err)
{
        int r;

        /* The name given here overrides what the document declares. */
        walk->parser = XML_ParserCreate("UTF-8");
        if (!walk->parser)
                return swb_oom(err);
        XML_SetUserData(walk->parser, walk);
        XML_SetElementHandler(walk->parser, on_start, on_end);
        XML_SetStartDoctypeDeclHandler(walk->parser, on_doctype);
        XML_SetXmlDeclHandler(walk->parser, on_declaration);
        r = result_of(walk, XML_Parse(walk->parser, data, (int)n_bytes, XML_TRUE), err);
        XML_ParserFree(walk->parser);
        return r;
}

static int walk_tags(struct walk *walk, const struct swb_xml_plain *plain, struct swb_error *err)
{
        for (size_t i = 0; i < plain->n_tags; i++) {
                const struct swb_xml_tag *tag = &plain->tags[i];

                if (!tag->name)
                        walk->depth--;
                else if (enter(walk, tag->name, tag->attributes) < 0)
                        return refusal(walk, err);
        }
        return 0;
}

/* Return: 1 when the document is not plain, and nothing was read. */
static int parse_plain(struct walk *walk, const void *data, size_t n_bytes, struct swb_error *err)
{
        _cleanup_free_ struct swb_xml_plain *plain = malloc(sizeof(*plain) + n_bytes + 1);
        char *text;

        if (!plain)
                return swb_oom(err);
        text = (char *)(plain + 1);
        if (n_bytes > 0)
                memcpy(text, data, n_bytes);
        text[n_bytes] = '\0';
        return swb_xml_plain_read(plain, text) ? walk_tags(walk, plain, err) : 1;
}

int swb_xml_parse(const void *data, size_t n_bytes, const struct swb_xml_rule *rules,
                  size_t n_rules, void *context, struct swb_error *err)
{
        struct walk walk = {.rules = rules, .n_rules = n_rules, .context = context};
        int r;

        if (n_bytes > INT32_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "document of %zu bytes", n_bytes);
        /* UTF-16, which expat would take by itself, has one in every "<". */
        if (n_bytes > 0 && memchr(data, 0, n_bytes))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "the document has a zero byte: it is not UTF-8");
        r = parse_plain(&walk, data, n_bytes, err);
        return r > 0 ? parse_any(&walk, data, n_bytes, err) : r;
}

int swb_xml_parse_kept(const struct swb_xml_document *document, const void *data, size_t n_bytes,
                       struct swb_xml_arena *arena, void *context, struct swb_error *err)
{
        int r;

        if (n_bytes > document->max_bytes)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "%s is larger than %zu bytes",
                                document->what, document->max_bytes);
        if (swb_xml_arena_init(arena, n_bytes) < 0)
                return swb_oom(err);
        r = swb_xml_parse(data, n_bytes, document->rules, document->n_rules, context, err);
        if (r >= 0 && arena->overflow)
                r = swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "attributes are longer than the text");
        return r;
}
