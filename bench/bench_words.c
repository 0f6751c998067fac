/*
 * How fast does text become ids by remembered words, and what does a tokenizer cost before that?
 *
 *     bench_words tokenizer.json TEXT…
 *
 * A JSON line for the tokenizer: ms to read, to compile and to open it, KiB of each part. Then one
 * per text, in documents of 4 KiB, of its first MB: MB/s of CPU time of the first pass (cold), and
 * the best of later ones: ids, ids with spans, counting. Added tokens are not looked for.
 */
#include "tokenizer/load.h"
#include "tokenizer/words.h"

#include <stdio.h>
#include <time.h>

enum { DOCUMENT = 4096, FIRST = 1 << 20, ROUNDS = 15 };

struct subject {
    struct tokenizer_spec spec;
    struct buf image;
    struct token_model *model;
    const struct scanner *scanner;
    struct program *program;
    struct words *words;
    struct words_scratch *scratch;
};

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_words: %s: %s\n", what, why);
    exit(1);
}

static void read_file(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "rb");
    char part[1 << 16];
    size_t n;

    if (!f)
        die(path, "cannot be read");
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(ret, part, n);
    fclose(f);
    buf_reserve(ret, WORDS_TAIL);
}

static void prepare(struct subject *s, const char *path)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf json = {0};
    AUTO_ADDED_NAMES struct added_names names = {0};
    struct image_writer w = {0};
    struct image_key key = {{0}};
    int64_t at[4];

    read_file(path, &json);
    at[0] = cpu_ns();
    if (!tokenizer_load(&(struct tokenizer_files){.tokenizer_json = {json.data, json.size}},
                        &s->spec, &err))
        die(path, err.msg);
    at[1] = cpu_ns();
    if (!program_compile(&s->spec, &w, &names, &err) || !token_model_compile(&s->spec, &w, &err))
        die(path, err.msg);
    words_compile(&s->spec, &w);
    image_finish(&w, &key, &s->image);
    at[2] = cpu_ns();
    struct image image = {(const uint8_t *)s->image.data, s->image.size};
    if (!image_check(image, NULL, true, &err) || !token_model_open(image, &s->model, &err) ||
        !program_open(image, &s->program, &err))
        die(path, err.msg);
    s->scanner = scanner_find(&s->spec, s->spec.pretokenizers, s->spec.n_pretokenizers);
    s->words = words_open(image, s->model, s->program, s->scanner, false);
    at[3] = cpu_ns();
    s->scratch = words_scratch_new(0);
    printf("{\"tokenizer\":\"%s\",\"load_ms\":%.1f,\"compile_ms\":%.1f,\"open_ms\":%.3f,"
           "\"image_kib\":%zu,\"fast\":%s}\n",
           path, (double)(at[1] - at[0]) / 1e6, (double)(at[2] - at[1]) / 1e6,
           (double)(at[3] - at[2]) / 1e6, s->image.size / 1024, s->words ? "true" : "false");
    image_writer_release(&w);
}

enum what { IDS, SPANS, COUNT };

/* MB/s of one pass; its ids in *ret_n. */
static double pass(const struct subject *s, const struct buf *text, size_t size, enum what what,
                   struct words_out *out, size_t *ret_n)
{
    AUTO_ERR struct err err = {0};
    int64_t began = cpu_ns();

    *ret_n = 0;
    out->want_spans = what == SPANS;
    for (size_t at = 0, end; at < size; at = end) {
        bool ok;

        end = at + DOCUMENT < size ? at + DOCUMENT : size;
        while (end < size && ((uint8_t)text->data[end] & 0xc0) == 0x80)
            end++;
        out->n = 0;
        ok = what == COUNT ? words_count(s->words, text->data, at, end, s->scratch, ret_n, &err)
                           : words_encode(s->words, text->data, at, end, s->scratch, out, &err);
        if (!ok)
            die("text", err.msg);
        *ret_n += out->n;
    }
    return (double)size / 1e6 / ((double)(cpu_ns() - began) / 1e9);
}

static void measure(const struct subject *s, const char *path)
{
    AUTO_BUF struct buf text = {0};
    struct words_out out = {0};
    double cold, best[3] = {0};
    size_t size, n;

    read_file(path, &text);
    size = text.size < FIRST ? text.size : FIRST;
    while (size < text.size && ((uint8_t)text.data[size] & 0xc0) == 0x80)
        size++;
    cold = pass(s, &text, size, IDS, &out, &n);
    for (int what = IDS; what <= COUNT; what++)
        for (int i = 0; i < ROUNDS; i++) {
            double mb_s = pass(s, &text, size, (enum what)what, &out, &n);

            best[what] = mb_s > best[what] ? mb_s : best[what];
        }
    printf("{\"text\":\"%s\",\"bytes\":%zu,\"ids\":%zu,\"cold_mb_s\":%.0f,\"warm_mb_s\":%.0f,"
           "\"spans_mb_s\":%.0f,\"count_mb_s\":%.0f}\n",
           path, size, n, cold, best[IDS], best[SPANS], best[COUNT]);
    free(out.ids);
    free(out.spans);
}

int main(int argc, char **argv)
{
    struct subject s = {0};

    if (argc < 2)
        die("tokenizer.json", "is missing");
    prepare(&s, argv[1]);
    for (int i = 2; i < argc && s.words; i++) {
        words_scratch_free(s.scratch); /* each text begins cold */
        s.scratch = words_scratch_new(0);
        measure(&s, argv[i]);
    }
    words_scratch_free(s.scratch);
    words_free(s.words);
    program_free(s.program);
    token_model_free(s.model);
    buf_release(&s.image);
    tokenizer_spec_release(&s.spec);
    return 0;
}
