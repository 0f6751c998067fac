/*
 * Encoding of the weights.
 *
 * Asked for, it is taken if the files have it or can be cast to it. Otherwise
 * it follows from the weight path, from what the repository has, or from the
 * architecture, in this order. Rules: docs/resolution.md.
 */
#include "resolve/resolution.h"

#define BIT(e) (UINT32_C(1) << (e))

static bool castable(enum encoding a, enum encoding b)
{
    return (a == ENCODING_FLOAT32 && b == ENCODING_BFLOAT16) ||
           (a == ENCODING_BFLOAT16 && b == ENCODING_FLOAT32);
}

static size_t names_of(uint32_t set, const char *ret[N_ENCODINGS])
{
    size_t n = 0;

    for (int e = 1; e < N_ENCODINGS; e++)
        if (set & BIT(e))
            ret[n++] = encoding_name((enum encoding)e);
    return n;
}

static enum encoding only_one(uint32_t set)
{
    for (int e = 1; e < N_ENCODINGS; e++)
        if (set == BIT(e))
            return (enum encoding)e;
    return ENCODING_NONE;
}

static enum encoding first_of(uint32_t set, const enum encoding *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (set & BIT(order[i]))
            return order[i];
    return ENCODING_NONE;
}

/* Smaller first: a file with norms in bfloat16 beside float8 weights is float8. */
static const enum encoding preferred[] = {
    ENCODING_FLOAT4_E2M1FNX2, ENCODING_FLOAT6_E2M3FN, ENCODING_FLOAT8_E4M3FN,
    ENCODING_BFLOAT16,        ENCODING_FLOAT32,
};

/* What one weight file is taken for. */
static enum encoding encoding_of_file(const struct side *s, const struct model_file *f)
{
    uint32_t found = s->weights->encodings;
    enum encoding e;

    if (f->format == FORMAT_GGUF) {
        e = encoding_of_file_name(f->path);
        return e != ENCODING_NONE ? e : f->encoding;
    }
    if (f->encoding != ENCODING_NONE)
        return f->encoding;
    e = first_of(f->header_encodings ? f->header_encodings : found, preferred,
                 ARRAY_SIZE(preferred));
    return e != ENCODING_NONE ? e : only_one(found);
}

static const char *evidence_of(const struct side *s, enum encoding e)
{
    enum evidence why = s->weights->encoding_evidence[e];

    return why == EVIDENCE_NONE ? "its files" : evidence_name(why);
}

/* ---- asked for */

static bool check_given_path(const struct side *s, struct err *err)
{
    const struct model_file *f = weight_file_at(s, s->fields->weight_path.items[0]);
    enum encoding has = f ? encoding_of_file(s, f) : ENCODING_NONE;

    if (has == ENCODING_NONE || has == s->encoding || (f->header_encodings & BIT(s->encoding)) ||
        s->encoding == ENCODING_GPTQ)
        return true;
    if (castable(has, s->encoding))
        return true;
    err_set(err, ERR_WEIGHTS_INCONSISTENT,
            "quantization_encoding is %s, but %s is %s; give one that goes with the other.",
            encoding_name(s->encoding), f->path, encoding_name(has));
    err_fact_str(err, "file", f->path);
    return err_fact_str(err, "encoding", encoding_name(has));
}

static bool given(struct resolution *r, struct side *s, struct err *err)
{
    const char *names[N_ENCODINGS];
    size_t n = names_of(s->weights->encodings, names);

    s->encoding = (enum encoding)s->fields->encoding;
    decide_str(&r->decisions, s == &r->main ? "quantization_encoding" : "draft_encoding",
               encoding_name(s->encoding), names, n, "the request asks for it");
    return !s->fields->weight_path.n || check_given_path(s, err);
}

/* ---- not asked for */

static void from_path(struct resolution *r, struct side *s)
{
    const char *path = s->fields->weight_path.items[0];
    const struct model_file *f = weight_file_at(s, path);

    s->encoding = f ? encoding_of_file(s, f) : encoding_of_file_name(path);
    if (s->encoding != ENCODING_NONE)
        decide_str(&r->decisions, "quantization_encoding", encoding_name(s->encoding), NULL, 0,
                   "the weight file %s says so (%s)", path,
                   f && f->evidence != EVIDENCE_NONE ? evidence_name(f->evidence) : "its name");
}

static void from_repository(struct resolution *r, struct side *s)
{
    const struct config *c = s->model->config;
    uint32_t found = s->weights->encodings;
    const char *names[N_ENCODINGS];
    size_t n = names_of(found, names);

    s->encoding = only_one(found);
    if (s->encoding != ENCODING_NONE) {
        decide_str(&r->decisions, "quantization_encoding", encoding_name(s->encoding), names, n,
                   "the repository has only this one (%s)", evidence_of(s, s->encoding));
        return;
    }
    if (c->quant.method == QUANT_GPTQ && (found & BIT(ENCODING_GPTQ)) &&
        arch_has_encoding(s->arch, ENCODING_GPTQ)) {
        s->encoding = ENCODING_GPTQ;
        decide_str(&r->decisions, "quantization_encoding", "gptq", names, n,
                   "the config's quantization says so");
        return;
    }
    if (on_cpu(r))
        return;
    s->encoding = first_of(found, preferred, ARRAY_SIZE(preferred) - 1); /* float32 is no choice */
    if (s->encoding != ENCODING_NONE)
        decide_str(&r->decisions, "quantization_encoding", encoding_name(s->encoding), names, n,
                   "the repository has several; on an accelerator the smallest is taken (%s)",
                   evidence_of(s, s->encoding));
}

static void from_architecture(struct resolution *r, struct side *s, const char *because)
{
    const char *names[N_ENCODINGS];
    size_t n = names_of(s->arch->encodings, names);

    s->encoding = s->arch->default_encoding;
    decide_str(&r->decisions, "quantization_encoding", encoding_name(s->encoding), names, n, "%s",
               because);
}

/* float32 and bfloat16 are cast into each other where only the other is there. */
static enum encoding cast_source(const struct side *s)
{
    enum encoding other = s->encoding == ENCODING_FLOAT32    ? ENCODING_BFLOAT16
                          : s->encoding == ENCODING_BFLOAT16 ? ENCODING_FLOAT32
                                                             : ENCODING_NONE;
    const struct model_file *f;

    if (other == ENCODING_NONE)
        return other;
    if (!s->fields->weight_path.n)
        return !has_files_for(s, s->encoding) && has_files_for(s, other) ? other : ENCODING_NONE;
    f = weight_file_at(s, s->fields->weight_path.items[0]);
    return f && encoding_of_file(s, f) == other ? other : ENCODING_NONE;
}

/*
 * MAX gives up where a repository has only bfloat16 and the pipeline runs on a
 * CPU. Its own cast to float32 works there when asked for, so it is taken.
 */
static void rescue_on_cpu(struct resolution *r, struct side *s)
{
    enum encoding was = s->encoding;
    bool usable =
        encoding_facts(was)->on_cpu &&
        (s->fields->weight_path.n || has_files_for(s, was) || cast_source(s) != ENCODING_NONE);

    if (usable || !arch_has_encoding(s->arch, ENCODING_FLOAT32))
        return;
    s->encoding = ENCODING_FLOAT32;
    if (cast_source(s) == ENCODING_NONE) {
        s->encoding = was;
        return;
    }
    decide_str(&r->decisions, "quantization_encoding", "float32",
               (const char *const[]){encoding_name(was)}, 1,
               "bfloat16 weights are cast to float32: they do not run on CPUs, and there are no "
               "others");
}

static void choose(struct resolution *r, struct side *s)
{
    if (s->fields->weight_path.n)
        from_path(r, s);
    if (s->encoding == ENCODING_NONE)
        from_repository(r, s);
    if (s->encoding == ENCODING_NONE)
        from_architecture(r, s, "the architecture's default: the repository does not tell");
    if (on_cpu(r) && !encoding_facts(s->encoding)->on_cpu &&
        s->arch->default_encoding != s->encoding)
        from_architecture(r, s, "the architecture's default: what was found does not run on CPUs");
    if (on_cpu(r))
        rescue_on_cpu(r, s);
    if (!on_cpu(r) && s->encoding == ENCODING_FLOAT32 &&
        arch_has_encoding(s->arch, ENCODING_BFLOAT16)) {
        s->encoding = ENCODING_BFLOAT16;
        decide_str(&r->decisions, "quantization_encoding", "bfloat16",
                   (const char *const[]){"float32"}, 1,
                   "float32 weights are cast to bfloat16 on accelerators");
    }
}

static bool unsupported(const struct side *s, struct err *err)
{
    const char *names[N_ENCODINGS], *both[N_ENCODINGS];
    size_t n = names_of(s->arch->encodings, names);
    size_t n_both = names_of(s->arch->encodings & s->weights->encodings, both);

    err_set(err, ERR_ENCODING_UNSUPPORTED, "%s does not run %s%s%s%s.", s->arch->name,
            encoding_name(s->encoding), n_both ? "; the repository also has " : "",
            n_both ? both[0] : "", n_both ? ", which it runs" : "");
    err_fact_str(err, "encoding", encoding_name(s->encoding));
    err_fact_strv(err, "available", names, n);
    return err_fact_strv(err, "in_repository", both, n_both);
}

bool decide_encoding(struct resolution *r, struct side *s, struct err *err)
{
    if (s->fields->encoding) {
        if (!given(r, s, err))
            return false;
    } else {
        choose(r, s);
    }
    if (s->encoding == ENCODING_NONE) {
        err_set(err, ERR_ENCODING_UNKNOWN,
                "Neither files, names nor config of %s tell an encoding; say it with "
                "quantization_encoding.",
                s->model->ref.model);
        return err_fact_str(err, "field", "quantization_encoding");
    }
    if (!arch_has_encoding(s->arch, s->encoding))
        return unsupported(s, err);
    s->cast_from = cast_source(s);
    if (s->cast_from != ENCODING_NONE)
        notice_add(&r->notices, "weights-cast",
                   "Weights of %s are cast from %s to %s; their files are counted as they are.",
                   s->weights->ref.model, encoding_name(s->cast_from), encoding_name(s->encoding));
    s->fields->encoding = (int)s->encoding;
    return true;
}
