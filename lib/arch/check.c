/* Is a bound document sound; and from its text to the sets a record has. */
#include "arch/document.h"

#include "arch/required.h"

#include <ctype.h>

struct check {
    struct arch_object *a;
    struct faults *f;
    struct buf at; /* pointer of the value at hand */
    size_t mark;   /* size of the document's own pointer */
};

static const char *at(struct check *c, const char *member)
{
    pointer_cut(&c->at, c->mark);
    pointer_push(&c->at, member);
    return c->at.data;
}

static const char *at_key(struct check *c, const char *member, const char *key)
{
    at(c, member);
    pointer_push(&c->at, key);
    return c->at.data;
}

static const char *at_index(struct check *c, const char *member, size_t i)
{
    at(c, member);
    pointer_push_index(&c->at, i);
    return c->at.data;
}

/* The index of a string among names, plus 1; 0 and a fault at c->at otherwise. */
static int one_of(struct check *c, json_t *v, const char *const *names)
{
    if (!json_is_string(v)) {
        faults_add(c->f, c->at.data, NULL, names, "must be one of the allowed strings");
        return 0;
    }
    for (int i = 0; names[i]; i++)
        if (str_eq(names[i], json_string_value(v)))
            return i + 1;
    faults_add(c->f, c->at.data, json_string_value(v), names, "is not an allowed value");
    return 0;
}

/* It is a path segment of a URL and a word of a shell, so it is kept to what both take as is. */
static void check_name(struct check *c)
{
    const char *name = c->a->document.name;

    for (const char *p = name; p && *p; p++) {
        if (isalnum((unsigned char)*p) || *p == '_' || (p > name && (*p == '.' || *p == '-')))
            continue;
        faults_add(c->f, at(c, "name"), name, NULL,
                   "must be a class name: letters, digits, \"_\", \".\" and \"-\", and not begin "
                   "with the last two");
        return;
    }
}

static void check_symbol(struct check *c, const char *member, const char *value)
{
    for (const char *p = value; p && *p; p++) {
        if ((unsigned char)*p > ' ' && *p != 0x7f)
            continue;
        faults_add(c->f, at(c, member), value, NULL,
                   "must be a name, without spaces or control characters");
        return;
    }
}

static void check_symbols(struct check *c)
{
    const struct document *d = &c->a->document;

    check_symbol(c, "pipeline_model", d->pipeline_model);
    check_symbol(c, "pipeline_cls", d->pipeline_cls);
    check_symbol(c, "tokenizer", d->tokenizer);
    check_symbol(c, "context_type", d->context_type);
    check_symbol(c, "config", d->config);
    check_symbol(c, "batching", d->batching);
    check_symbol(c, "tool_parser", d->tool_parser);
    check_symbol(c, "reasoning_parser", d->reasoning_parser);
    check_symbol(c, "memory_planner", d->memory_planner);
}

static void read_strategies(struct check *c, int encoding, json_t *list)
{
    struct arch *a = &c->a->arch;
    json_t *item;
    size_t i;

    if (!json_is_array(list) && !json_is_null(list)) {
        faults_add_value(c->f, c->at.data, list, "must be an array of KV cache strategies");
        return;
    }
    size_t mark = c->at.size;
    json_array_foreach(list, i, item)
    {
        pointer_push_index(&c->at, i);
        int k = one_of(c, item, kv_strategy_names);
        pointer_cut(&c->at, mark);
        if (!k)
            continue;
        if (!a->first_strategy[encoding])
            a->first_strategy[encoding] = (enum kv_strategy)k;
        a->kv_strategies[encoding] |= (uint8_t)(1u << k);
    }
}

static void read_encoding_map(struct check *c, json_t *map)
{
    const char *name;
    json_t *list;

    json_object_foreach(map, name, list)
    {
        int e = (int)encoding_parse(name);

        at_key(c, "supported_encodings", name);
        if (!e) {
            faults_add(c->f, c->at.data, name, encoding_names, "is not a known encoding");
            continue;
        }
        c->a->arch.encodings |= 1u << e;
        read_strategies(c, e, list);
    }
}

/* MAX's later form: a set. Everything with a cache is paged there. */
static void read_encoding_list(struct check *c, json_t *list)
{
    const struct document *d = &c->a->document;
    bool paged = d->kv_cache == YES || (d->kv_cache == UNSET && d->task == TASK_TEXT_GENERATION);
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        at_index(c, "supported_encodings", i);
        int e = one_of(c, item, encoding_names);
        if (!e)
            continue;
        c->a->arch.encodings |= 1u << e;
        if (paged) {
            c->a->arch.first_strategy[e] = KV_PAGED;
            c->a->arch.kv_strategies[e] = 1u << KV_PAGED;
        }
    }
}

static void check_default_encoding(struct check *c)
{
    const struct arch *a = &c->a->arch;
    bool composed = a->task == TASK_PIXEL_GENERATION || a->task == TASK_AUDIO_GENERATION;
    const char *names[N_ENCODINGS];
    size_t n = 0;

    if (!a->default_encoding) {
        if (!composed && a->source != ARCH_BUILTIN)
            faults_add(c->f, at(c, "default_encoding"), NULL, encoding_names,
                       "is required for this task");
        return;
    }
    if (arch_has_encoding(a, a->default_encoding))
        return;
    for (int e = 1; e < N_ENCODINGS; e++)
        if (arch_has_encoding(a, (enum encoding)e))
            names[n++] = encoding_name((enum encoding)e);
    names[n] = NULL;
    faults_add(c->f, at(c, "default_encoding"), encoding_name(a->default_encoding), names,
               "is not among supported_encodings");
}

static void check_encodings(struct check *c)
{
    json_t *doc = c->a->document.supported_encodings;
    const struct arch *a = &c->a->arch;
    size_t before = c->f->n;

    if (json_is_object(doc))
        read_encoding_map(c, doc);
    else if (json_is_array(doc))
        read_encoding_list(c, doc);
    else if (doc)
        faults_add_value(c->f, at(c, "supported_encodings"), doc,
                         "must be an object of encodings and their KV cache strategies");
    if (!doc || c->f->n != before)
        return;
    if (!a->encodings && a->source != ARCH_BUILTIN)
        faults_add(c->f, at(c, "supported_encodings"), NULL, encoding_names,
                   "must name at least one encoding");
    else
        check_default_encoding(c);
}

static void check_adapters(struct check *c)
{
    json_t *adapters = c->a->document.weight_adapters, *value;
    const char *format;

    if (adapters && !json_is_object(adapters)) {
        faults_add_value(c->f, at(c, "weight_adapters"), adapters,
                         "must be an object of weights formats and adapter names");
        return;
    }
    json_object_foreach(adapters, format, value)
    {
        int i = (int)weights_format_parse(format);

        at_key(c, "weight_adapters", format);
        if (!i)
            faults_add(c->f, c->at.data, format, weights_format_names,
                       "is not a known weights format");
        else if (!json_is_string(value) || !json_string_length(value))
            faults_add_value(c->f, c->at.data, value, "must be the name of a function");
        else
            c->a->arch.weight_adapters[i] = json_string_value(value);
    }
}

static void check_formats(struct check *c)
{
    json_t *formats = c->a->document.weight_formats, *item;
    struct arch *a = &c->a->arch;
    size_t i;

    check_adapters(c);
    if (formats && !json_is_array(formats)) {
        faults_add_value(c->f, at(c, "weight_formats"), formats, "must be an array of formats");
        return;
    }
    json_array_foreach(formats, i, item)
    {
        at_index(c, "weight_formats", i);
        int format = one_of(c, item, weights_format_names);
        if (format)
            a->weight_formats |= 1u << format;
    }
    for (int k = 1; !formats && k < N_FORMATS; k++)
        if (a->weight_adapters[k])
            a->weight_formats |= 1u << k;
    if (a->weight_formats && formats && a->default_weights_format &&
        !(a->weight_formats & (1u << a->default_weights_format)))
        faults_add(c->f, at(c, "default_weights_format"),
                   weights_format_name(a->default_weights_format), NULL,
                   "is not among weight_formats");
    a->weight_formats |= 1u << a->default_weights_format;
    a->weight_formats &= ~1u; /* bit 0: a default that was not given */
}

static void check_modalities(struct check *c)
{
    json_t *list = c->a->document.input_modalities, *item;
    struct arch *a = &c->a->arch;
    size_t i;

    if (list && !json_is_array(list)) {
        faults_add_value(c->f, at(c, "input_modalities"), list, "must be an array of modalities");
        return;
    }
    json_array_foreach(list, i, item)
    {
        at_index(c, "input_modalities", i);
        int m = one_of(c, item, modality_names);
        if (m)
            a->input_modalities |= 1u << (m - 1);
    }
    if (!list)
        a->input_modalities = MODALITY_TEXT;
}

static void check_required(struct check *c)
{
    struct arch *a = &c->a->arch;
    struct required_argument *required = NULL;
    size_t n = 0;

    if (!c->a->document.required_arguments)
        return;
    required_read(c->a->document.required_arguments, at(c, "required_arguments"), a->source,
                  &required, &n, c->f);
    a->required = required;
    a->n_required = n;
}

static void check_kinds(struct check *c)
{
    const struct document *d = &c->a->document;
    static const struct {
        const char *member;
        size_t offset;
        bool array;
    } carried[] = {
        {"denoising_cache_defaults", offsetof(struct document, denoising_cache_defaults), false},
        {"origin", offsetof(struct document, origin), false},
        {"seed_version", offsetof(struct document, seed_version), false},
        {"superseded", offsetof(struct document, superseded), true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(carried); i++) {
        json_t *v = *(json_t *const *)((const char *)d + carried[i].offset);

        if (v && !(carried[i].array ? json_is_array(v) : json_is_object(v)))
            faults_add_value(c->f, at(c, carried[i].member), v, "must be an %s",
                             carried[i].array ? "array" : "object");
    }
    if (d->batching && !c->a->arch.pipeline_model_is_class)
        faults_add(c->f, at(c, "batching"), d->batching, NULL,
                   "needs a pipeline_model whose pipeline_model_kind is PipelineModel");
    if (d->max_length_policy - 1 == MAX_LENGTH_CONSTANT && !d->max_length_constant.set &&
        c->a->arch.source != ARCH_BUILTIN)
        faults_add(c->f, at(c, "max_length_constant"), NULL, NULL,
                   "is required when max_length_policy is constant");
}

void document_check(struct arch_object *a, const char *prefix, struct faults *f)
{
    struct check c = {.a = a, .f = f};

    buf_append_str(&c.at, prefix);
    c.mark = c.at.size;
    check_name(&c);
    check_symbols(&c);
    check_encodings(&c);
    check_formats(&c);
    check_modalities(&c);
    check_required(&c);
    check_kinds(&c);
    buf_release(&c.at);
}
