/*
 * Weight files: which, in which format, how large.
 *
 * Files named by the request must exist. Otherwise they are those of the
 * encoding, else of what can be cast to it; of several formats the
 * architecture's own is taken. Files at the top of the model's folder go before
 * deeper ones, which are often copies for other programs.
 */
#include "plan/bytes.h"
#include "resolve/resolution.h"

#include <stdio.h>

enum { LISTED_MAX = 50 }; /* files named in an error */

static const char *in_subfolder(const struct model *m, const char *path)
{
    size_t n = strlen(m->ref.subfolder);

    if (n == 0)
        return path;
    return strncmp(path, m->ref.subfolder, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool is_of(const struct side *s, const struct model_file *f, enum encoding e,
                  enum weights_format format)
{
    enum encoding by_name;

    if (f->format != format || f->consolidated || !in_subfolder(s->weights, f->path))
        return false;
    if (format == FORMAT_SAFETENSORS)
        return s->weights->encodings & UINT32_C(1) << e;
    if (format != FORMAT_GGUF)
        return false;
    by_name = encoding_of_file_name(f->path);
    return (by_name != ENCODING_NONE ? by_name : f->encoding) == e;
}

size_t files_for_encoding(const struct side *s, enum encoding e, enum weights_format format,
                          const struct model_file **ret)
{
    bool at_top = false;
    size_t n = 0;

    for (size_t i = 0; i < s->weights->n_files; i++) {
        const struct model_file *f = &s->weights->files[i];

        at_top =
            at_top || (is_of(s, f, e, format) && !strchr(in_subfolder(s->weights, f->path), '/'));
    }
    for (size_t i = 0; i < s->weights->n_files; i++) {
        const struct model_file *f = &s->weights->files[i];

        if (!is_of(s, f, e, format) || (at_top && strchr(in_subfolder(s->weights, f->path), '/')))
            continue;
        if (ret)
            ret[n] = f;
        n++;
    }
    return n;
}

bool has_files_for(const struct side *s, enum encoding e)
{
    return files_for_encoding(s, e, FORMAT_GGUF, NULL) > 0 ||
           files_for_encoding(s, e, FORMAT_SAFETENSORS, NULL) > 0;
}

/* ---- paths */

/* What follows the model's own name in a path; NULL when it does not begin with it. */
static const char *behind_name(const struct model *m, const char *path)
{
    const char *names[] = {m->ref.model, m->canonical};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i]);

        if (n > 0 && strncmp(path, names[i], n) == 0 && path[n] == '/')
            return path + n + 1;
    }
    return NULL;
}

const struct model_file *weight_file_at(const struct side *s, const char *path)
{
    const struct model_file *f = model_file(s->weights, path);
    const char *rest;

    if (f)
        return f;
    rest = behind_name(s->weights, path);
    if (!rest)
        rest = behind_name(s->model, path);
    return rest ? model_file(s->weights, rest) : NULL;
}

char *weight_path_repo(const struct model *model, const char *path, const char **ret_rest)
{
    const char *first, *second;
    char *repo;

    if (behind_name(model, path) || model_file(model, path))
        return NULL;
    if (path[0] == '/') {
        const char *name = strrchr(path, '/');

        *ret_rest = name + 1;
        return name > path ? str_dup_n(path, (size_t)(name - path)) : NULL;
    }
    first = strchr(path, '/');
    if (!first)
        return NULL;
    second = strchr(first + 1, '/');
    repo = second ? str_dup_n(path, (size_t)(second - path)) : str_dup(path);
    if (repo_id_valid(repo)) {
        *ret_rest = second ? second + 1 : "";
        return repo;
    }
    free(repo);
    return NULL;
}

static void fact_available(const struct side *s, struct err *err)
{
    const char *names[LISTED_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->weights->n_files && n < LISTED_MAX; i++)
        if (s->weights->files[i].format != FORMAT_NONE)
            names[n++] = s->weights->files[i].path;
    err_fact_strv(err, "available", names, n);
}

static bool missing(const struct side *s, struct err *err)
{
    const char *names[LISTED_MAX];
    size_t n = 0, n_missing = 0;

    for (size_t i = 0; i < s->fields->weight_path.n; i++)
        if (!weight_file_at(s, s->fields->weight_path.items[i])) {
            if (n < LISTED_MAX)
                names[n++] = s->fields->weight_path.items[i];
            n_missing++;
        }
    err_set(err, ERR_WEIGHTS_NOT_FOUND, "%s has no file %.120s%s.", s->weights->ref.model,
            n ? names[0] : "", n_missing > 1 ? ", nor others of weight_path" : "");
    err_fact_strv(err, "missing_files", names, n);
    fact_available(s, err);
    return false;
}

/* Another repository as a whole: its files are looked for as the model's own would be. */
static bool names_whole_repo(const struct side *s)
{
    AUTO_FREE char *repo = NULL;
    const char *rest = NULL;

    if (s->weights == s->model || s->fields->weight_path.n != 1)
        return false;
    repo = weight_path_repo(s->model, s->fields->weight_path.items[0], &rest);
    return repo && rest[0] == '\0';
}

/* However a path was spelled, it is the file's in the model, or the repository's and the file's. */
static void settle_path(const struct side *s, char **path, const struct model_file *f)
{
    char *settled = s->weights == s->model || str_eq(s->weights->ref.model, s->model->ref.model)
                        ? str_dup(f->path)
                        : str_printf("%s/%s", s->weights->ref.model, f->path);

    free(*path);
    *path = settled;
}

static bool named_files(struct resolution *r, struct side *s, struct err *err)
{
    struct strv *paths = &s->fields->weight_path;

    s->files = mem_new_array(paths->n, const struct model_file *);
    for (size_t i = 0; i < paths->n; i++) {
        const struct model_file *f = weight_file_at(s, paths->items[i]);

        if (!f)
            return missing(s, err);
        if (f->format == FORMAT_NONE) {
            err_set(err, ERR_WEIGHTS_NOT_FOUND, "%.200s is neither GGUF nor safetensors.", f->path);
            return err_fact_str(err, "file", f->path);
        }
        if (i > 0 && f->format != s->format) {
            err_set(err, ERR_WEIGHTS_INCONSISTENT,
                    "weight_path mixes %s and %s; the files must be of one format.",
                    weights_format_name(s->format), weights_format_name(f->format));
            return err_fact_str(err, "file", f->path);
        }
        s->format = f->format;
        s->files[s->n_files++] = f;
        settle_path(s, &paths->items[i], f);
    }
    decide_json(&r->decisions, "weights.files", "\"weight_path\"", NULL, 0, "the request names %zu",
                paths->n);
    return true;
}

static size_t take_format(struct resolution *r, struct side *s, enum encoding e)
{
    const enum weights_format order[] = {s->arch->default_weights_format, FORMAT_GGUF,
                                         FORMAT_SAFETENSORS};
    const char *others[1];
    size_t n_others = 0;

    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        enum weights_format other = order[i] == FORMAT_GGUF ? FORMAT_SAFETENSORS : FORMAT_GGUF;
        size_t n = files_for_encoding(s, e, order[i], s->files);

        if (n == 0)
            continue;
        s->format = order[i];
        if (files_for_encoding(s, e, other, NULL) > 0)
            others[n_others++] = weights_format_name(other);
        decide_str(&r->decisions, "weights.format", weights_format_name(s->format), others,
                   n_others, "%s",
                   n_others == 0 ? "the only format with files of the encoding"
                   : i == 0      ? "the architecture's default of those there are"
                                 : "the first of those there are");
        return n;
    }
    return 0;
}

static bool nothing_found(const struct side *s, struct err *err)
{
    const char *found[N_ENCODINGS];
    size_t n = 0;

    for (int e = 1; e < N_ENCODINGS; e++)
        if (s->weights->encodings & UINT32_C(1) << e)
            found[n++] = encoding_name((enum encoding)e);
    err_set(err, ERR_WEIGHTS_NOT_FOUND, "%s has no weights for %s%s%s.", s->weights->ref.model,
            encoding_name(s->encoding), n ? "; it has " : " and none of another encoding",
            n ? found[0] : "");
    err_fact_str(err, "encoding", encoding_name(s->encoding));
    err_fact_strv(err, "encodings", found, n);
    fact_available(s, err);
    return err_fact_strv(err, "missing_files", NULL, 0);
}

static bool is_part(const char *path) { return strstr(path, "-of-") != NULL; }

static bool found_files(struct resolution *r, struct side *s, struct err *err)
{
    bool narrow = s->encoding == ENCODING_FLOAT16 || s->encoding == ENCODING_BFLOAT16;

    s->files = mem_new_array(s->weights->n_files + 1, const struct model_file *);
    s->n_files = take_format(r, s, s->encoding);
    if (s->n_files == 0 && s->cast_from != ENCODING_NONE)
        s->n_files = take_format(r, s, s->cast_from);
    if (s->n_files == 0 && narrow)
        s->n_files = take_format(r, s, ENCODING_FLOAT32);
    if (s->n_files == 0)
        return nothing_found(s, err);
    if (s->format == FORMAT_GGUF && s->n_files > 1 && !is_part(s->files[0]->path))
        notice_add(&r->notices, "several-gguf-files",
                   "%zu GGUF files are %s and all are counted; name one with weight_path.",
                   s->n_files, encoding_name(s->encoding));
    return true;
}

bool decide_weights(struct resolution *r, struct side *s, struct err *err)
{
    if (s->fields->weight_path.n > 0 && !names_whole_repo(s)) {
        if (!named_files(r, s, err))
            return false;
    } else if (!found_files(r, s, err)) {
        return false;
    }
    if (!(s->arch->weight_formats & 1u << s->format) && s->arch->weight_formats != 0)
        notice_add(&r->notices, "format-without-adapter",
                   "%s names no adapter for %s; its weights are taken as they are.", s->arch->name,
                   weights_format_name(s->format));
    for (size_t i = 0; i < s->n_files; i++) {
        if (s->files[i]->size < 0)
            notice_add(&r->notices, "size-unknown", "The size of %s is not known; it counts 0.",
                       s->files[i]->path);
        else
            s->weights_bytes = sat_add(s->weights_bytes, s->files[i]->size);
    }
    return true;
}
