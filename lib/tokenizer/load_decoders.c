/* The member "decoder" of a tokenizer.json. */
#include "tokenizer/load_fields.h"

static struct decoder *push(struct loader *l, unsigned kind)
{
    if (l->spec->n_decoders == STEPS_MAX) {
        load_refuse(l, ERR_FILE_CORRUPT, "more than %d decoders", STEPS_MAX);
        return NULL;
    }
    struct decoder *d = LOAD_PUSH(l->spec->decoders, l->spec->n_decoders);
    d->kind = kind;
    return d;
}

static bool plain(struct loader *l, unsigned kind)
{
    return json_read_skip(&l->r) && push(l, kind);
}

/* Its members say nothing for decoding, but the library wants them. */
static bool byte_level(struct loader *l, unsigned kind)
{
    bool unused;
    struct field fields[] = {
        {"add_prefix_space", FIELD_BOOL, .ret = &unused},
        {"trim_offsets", FIELD_BOOL, .ret = &unused},
        {"use_regex", FIELD_BOOL, FIELD_OPTIONAL, &unused},
    };

    return load_fields(l, "ByteLevel", fields, ARRAY_SIZE(fields)) && push(l, kind);
}

static bool wordpiece(struct loader *l, unsigned kind)
{
    struct text prefix = {0};
    bool cleanup = true;
    struct field fields[] = {
        {"prefix", FIELD_TEXT, .ret = &prefix},
        {"cleanup", FIELD_BOOL, .ret = &cleanup},
    };
    struct decoder *d;

    if (!load_fields(l, "WordPiece", fields, ARRAY_SIZE(fields)) || !(d = push(l, kind)))
        return false;
    d->wordpiece.prefix = prefix;
    d->wordpiece.cleanup = cleanup;
    return true;
}

static bool metaspace(struct loader *l, unsigned kind)
{
    struct metaspace m;
    struct decoder *d;

    if (!load_metaspace(l, &m) || !(d = push(l, kind)))
        return false;
    d->metaspace = m;
    return true;
}

static bool bpe(struct loader *l, unsigned kind)
{
    struct text suffix = {0};
    struct field fields[] = {{"suffix", FIELD_TEXT, .ret = &suffix}};
    struct decoder *d;

    if (!load_fields(l, "BPEDecoder", fields, ARRAY_SIZE(fields)) || !(d = push(l, kind)))
        return false;
    d->suffix = suffix;
    return true;
}

static bool strip(struct loader *l, unsigned kind)
{
    uint32_t content = 0, start = 0, stop = 0;
    struct field fields[] = {
        {"content", FIELD_CHARACTER, .ret = &content},
        {"start", FIELD_COUNT, .ret = &start},
        {"stop", FIELD_COUNT, .ret = &stop},
    };
    struct decoder *d;

    if (!load_fields(l, "Strip", fields, ARRAY_SIZE(fields)) || !(d = push(l, kind)))
        return false;
    d->strip.content = content;
    d->strip.start = start;
    d->strip.stop = stop;
    return true;
}

static bool replace(struct loader *l, unsigned kind)
{
    struct matcher what = {0};
    struct text with = {0};
    struct field fields[] = {
        {"pattern", FIELD_MATCHER, .ret = &what},
        {"content", FIELD_TEXT, .ret = &with},
    };
    struct decoder *d;

    if (!load_fields(l, "Replace", fields, ARRAY_SIZE(fields)) || !(d = push(l, kind)))
        return false;
    d->replace.what = what;
    d->replace.with = with;
    return true;
}

static bool ctc(struct loader *l, unsigned kind)
{
    struct text pad = {0}, delimiter = {0};
    bool cleanup = true;
    struct field fields[] = {
        {"pad_token", FIELD_TEXT, .ret = &pad},
        {"word_delimiter_token", FIELD_TEXT, .ret = &delimiter},
        {"cleanup", FIELD_BOOL, .ret = &cleanup},
    };
    struct decoder *d;

    if (!load_fields(l, "CTC", fields, ARRAY_SIZE(fields)) || !(d = push(l, kind)))
        return false;
    d->ctc.pad = pad;
    d->ctc.word_delimiter = delimiter;
    d->ctc.cleanup = cleanup;
    return true;
}

static bool one(struct loader *l);

static bool items(struct loader *l, void *ret)
{
    (void)ret;
    return load_array(l, STEPS_MAX, one);
}

static bool sequence(struct loader *l, unsigned kind)
{
    struct field fields[] = {{"decoders", FIELD_PART, .part = items}};

    (void)kind;
    return load_fields(l, "Sequence", fields, ARRAY_SIZE(fields));
}

static const struct component components[] = {
    {"BPEDecoder", bpe, DECODE_BPE},
    {"ByteLevel", byte_level, DECODE_BYTE_LEVEL},
    {"WordPiece", wordpiece, DECODE_WORDPIECE},
    {"Metaspace", metaspace, DECODE_METASPACE},
    {"CTC", ctc, DECODE_CTC},
    {"Sequence", sequence, 0},
    {"Replace", replace, DECODE_REPLACE},
    {"Fuse", plain, DECODE_FUSE},
    {"Strip", strip, DECODE_STRIP},
    {"ByteFallback", plain, DECODE_BYTE_FALLBACK},
};

static const struct shape shapes[] = {
    {"suffix", {"BPEDecoder", bpe, DECODE_BPE}},
    {"prefix", {"WordPiece", wordpiece, DECODE_WORDPIECE}},
    {"pad_token", {"CTC", ctc, DECODE_CTC}},
    {"pattern", {"Replace", replace, DECODE_REPLACE}},
    {"start", {"Strip", strip, DECODE_STRIP}},
};

static bool one(struct loader *l)
{
    return load_component(l, "a decoder", components, ARRAY_SIZE(components), shapes,
                          ARRAY_SIZE(shapes));
}

bool load_decoder(struct loader *l)
{
    if (load_null(l))
        return true;
    l->spec->has_decoder = true;
    return one(l);
}
