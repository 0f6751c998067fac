/*
 * How fast is a tokenizer.json scanned, and how much faster than into a tree?
 *
 *     bench_json [megabytes]      (8 unless told)
 *
 * One JSON line: MB/s of the reader when everything is skipped, when every key
 * and number of the vocabulary is read, of jansson's tree, and the ratio.
 */
#include "json/reader.h"
#include "json/writer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 9 };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Two words of each merge and a token like those of a byte-level BPE, indented as files are. */
static void token(struct buf *b, unsigned *seed)
{
    static const char *const parts[] = {"\xc4\xa0", "in", "tion",         "er",  "ch", "\xc3\xa9",
                                        "re",       "st", "\xe4\xb8\xad", "ing", "a",  "qu"};
    int n = 1 + rand_r(seed) % 4;

    for (int i = 0; i < n; i++)
        buf_append_str(b, parts[(size_t)rand_r(seed) % ARRAY_SIZE(parts)]);
}

static void make_text(struct buf *b, size_t size)
{
    unsigned seed = 1;
    int64_t id = 0;

    buf_append_str(b, "{\n  \"version\": \"1.0\",\n  \"model\": {\n    \"type\": \"BPE\",\n"
                      "    \"vocab\": {");
    for (; b->size < size / 3; id++) {
        buf_printf(b, "%s\n      \"%" PRId64, id ? "," : "", id);
        token(b, &seed);
        buf_printf(b, "%s\": %" PRId64, id % 200 ? "" : "\\\"\\\\", id);
    }
    buf_append_str(b, "\n    },\n    \"merges\": [");
    for (bool first = true; b->size < size; first = false) {
        buf_append_str(b, first ? "\n      [\n        \"" : ",\n      [\n        \"");
        token(b, &seed);
        buf_append_str(b, "\",\n        \"");
        token(b, &seed);
        buf_append_str(b, "\"\n      ]");
    }
    buf_append_str(b, "\n    ]\n  }\n}\n");
}

static bool scan(const struct buf *text)
{
    AUTO_JSON_READER struct json_reader r = json_reader(text->data, text->size);

    return json_read_skip(&r);
}

static int64_t sum;

static bool read_all(const struct buf *text)
{
    AUTO_JSON_READER struct json_reader r = json_reader(text->data, text->size);
    struct slice key, s;
    int64_t id;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (!slice_eq(key, "model")) {
            json_read_skip(&r);
            continue;
        }
        json_read_object(&r);
        while (json_read_key(&r, &key)) {
            if (slice_eq(key, "vocab") && json_read_object(&r))
                while (json_read_key(&r, &key) && json_read_int(&r, &id))
                    sum += id + (int64_t)key.size;
            else if (slice_eq(key, "merges") && json_read_array(&r))
                while (json_read_item(&r) && json_read_array(&r))
                    while (json_read_item(&r) && json_read_text(&r, &s))
                        sum += (int64_t)s.size;
            else
                json_read_skip(&r);
        }
    }
    return !r.fault;
}

static bool tree(const struct buf *text)
{
    json_t *doc = json_loadb(text->data, text->size, 0, NULL);

    json_decref(doc);
    return doc != NULL;
}

/* MB/s of the best round. */
static double speed(bool (*run)(const struct buf *), const struct buf *text, int rounds)
{
    double best = 1e9;

    for (int i = 0; i < rounds; i++) {
        double start = now_s();
        if (!run(text))
            abort();
        double s = now_s() - start;
        if (s < best)
            best = s;
    }
    return (double)text->size / 1e6 / best;
}

int main(int argc, char **argv)
{
    size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 8;
    AUTO_BUF struct buf text = {0}, line = {0};

    make_text(&text, megabytes * 1000 * 1000);
    double skipped = speed(scan, &text, ROUNDS), read = speed(read_all, &text, ROUNDS);
    double jansson = speed(tree, &text, 3);

    struct json j = json_begin(&line);
    json_open(&j, '{');
    json_str(&j, "bench", "json");
    json_int(&j, "bytes", (int64_t)text.size);
    json_int(&j, "skip_mb_per_s", (int64_t)skipped);
    json_int(&j, "read_mb_per_s", (int64_t)read);
    json_int(&j, "jansson_tree_mb_per_s", (int64_t)jansson);
    json_number(&j, "skip_over_jansson", (double)(int64_t)(10 * skipped / jansson) / 10);
    json_close(&j, '}');
    puts(line.data);
    return sum == 1; /* keeps the compiler from leaving the reading out */
}
