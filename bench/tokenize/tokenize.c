/*
 * What the library costs per byte, one question a line on standard input:
 *
 *     load FILE          tokenizer.json: compiles and opens it
 *     texts FILE         documents: u32 size and the bytes, one after another
 *     round MODE [BYTES] one pass over them, or over the first BYTES
 *
 * Modes: ids, cold (ids with a new scratch), offsets, count, decode. Every answer is a line of
 * JSON; times are CPU time of the thread.
 */
#include "tokenizer/load.h"
#include "tokenizer/tokenizer.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct bench {
    struct tokenizer *tokenizer;
    struct scratch *scratch;
    struct buf texts;
    struct slice *documents;
    size_t n_documents;
    struct id_list *decodable; /* ids of each document */
};

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_tokenize: %s\n", what);
    exit(1);
}

static void check(bool ok, const struct err *err)
{
    if (!ok)
        fail(err->msg);
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char part[1 << 16];
    size_t n;

    if (!f)
        fail(path);
    buf_clear(out);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(out, part, n);
    fclose(f);
}

/* Pages of ours that are in memory, in KiB: heap and mapped files. */
static long resident_kb(void)
{
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2)
        fail("/proc/self/statm");
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What load costs: the best of several, in the order in which a daemon does it. */
struct load_costs {
    int64_t load, compile, write, check, open;
};

static void keep_least(int64_t *best, int64_t *from)
{
    int64_t now = cpu_ns(), took = now - *from;

    *best = *best && *best < took ? *best : took;
    *from = now;
}

/* As the daemon has it: an image in a file, mapped, all of its bytes checked. */
static struct image map_image(int fd, size_t size)
{
    AUTO_ERR struct err err = {0};
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);

    if (data == MAP_FAILED)
        fail("mmap");
    struct image image = {data, size};
    check(image_check(image, NULL, true, &err), &err);
    return image;
}

static size_t make_image(const struct buf *json, int fd, struct load_costs *costs)
{
    AUTO_ERR struct err err = {0};
    AUTO_TOKENIZER_SPEC struct tokenizer_spec spec = {0};
    AUTO_BUF struct buf bytes = {0};
    struct tokenizer_files files = {.tokenizer_json = {json->data, json->size}};
    const struct image_key key = {0};
    int64_t at = cpu_ns();

    check(tokenizer_load(&files, &spec, &err), &err);
    keep_least(&costs->load, &at);
    check(tokenizer_compile(&spec, &key, &bytes, &err), &err);
    keep_least(&costs->compile, &at);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes.data, bytes.size, 0) != (ssize_t)bytes.size)
        fail("an image cannot be written");
    keep_least(&costs->write, &at);
    return bytes.size;
}

static void load(struct bench *b, const char *path)
{
    enum { TIMES = 5 };
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf json = {0};
    char file[] = "/tmp/bench-tokenize-XXXXXX";
    int fd = mkstemp(file);
    struct load_costs costs = {0};
    struct image image = {0};
    size_t size = 0, heap = 0;

    if (fd < 0)
        fail(file);
    unlink(file);
    read_file(path, &json);
    for (int i = 0; i < TIMES; i++)
        size = make_image(&json, fd, &costs);
    for (int i = 0; i < TIMES; i++) {
        tokenizer_unref(b->tokenizer);
        b->tokenizer = NULL;
        if (image.data)
            munmap((void *)(uintptr_t)image.data, size);
        heap = mallinfo2().uordblks;
        int64_t at = cpu_ns();
        image = map_image(fd, size);
        keep_least(&costs.check, &at);
        check(tokenizer_open(image, NULL, NULL, &b->tokenizer, &err), &err);
        keep_least(&costs.open, &at);
    }
    close(fd);
    printf("{\"load_ns\": %lld, \"compile_ns\": %lld, \"write_ns\": %lld, \"check_ns\": %lld, "
           "\"open_ns\": %lld, \"image_bytes\": %zu, \"heap_bytes\": %zu}\n",
           (long long)costs.load, (long long)costs.compile, (long long)costs.write,
           (long long)costs.check, (long long)costs.open, size, mallinfo2().uordblks - heap);
}

static void texts(struct bench *b, const char *path)
{
    size_t n = 0, bytes = 0;
    uint32_t size;

    read_file(path, &b->texts);
    for (size_t i = 0; b->decodable && i < b->n_documents; i++)
        id_list_release(&b->decodable[i]);
    free(b->decodable);
    b->decodable = NULL;
    free(b->documents);
    b->documents = mem_new_array(b->texts.size / 4 + 1, struct slice);
    for (size_t at = 0; at < b->texts.size; at += size) {
        memcpy(&size, b->texts.data + at, 4);
        at += 4;
        b->documents[n++] = (struct slice){b->texts.data + at, size};
        bytes += size;
    }
    b->n_documents = n;
    printf("{\"documents\": %zu, \"bytes\": %zu}\n", n, bytes);
}

enum mode { IDS, COLD, OFFSETS, COUNT, DECODE };

/* Tokens of one document; bytes of text that it stands for are added to *bytes. */
static size_t one(struct bench *b, enum mode mode, size_t i, struct id_list *ids,
                  struct encoded *encoded, struct buf *out, size_t *bytes, struct err *err)
{
    static const struct encode_options options = {.offsets = true, .plain = true};
    static const struct decode_options plain;
    struct slice d = b->documents[i];
    struct encode_input input = {&d, 1, false};
    size_t n = 0;

    *bytes += d.size;
    switch (mode) {
    case COUNT:
        check(tokenizer_count(b->tokenizer, d.data, d.size, false, b->scratch, &n, err), err);
        return n;
    case OFFSETS:
        check(tokenizer_encode(b->tokenizer, &input, NULL, &options, b->scratch, encoded, err),
              err);
        return encoded->n;
    case DECODE:
        buf_clear(out);
        check(tokenizer_decode(b->tokenizer, b->decodable[i].items, b->decodable[i].n, &plain,
                               b->scratch, out, err),
              err);
        return b->decodable[i].n;
    default:
        ids->n = 0;
        check(tokenizer_encode_ids(b->tokenizer, d.data, d.size, false, b->scratch, ids, err), err);
        return ids->n;
    }
}

static void make_decodable(struct bench *b)
{
    AUTO_ERR struct err err = {0};

    b->decodable = mem_new_array(b->n_documents, struct id_list);
    for (size_t i = 0; i < b->n_documents; i++)
        check(tokenizer_encode_ids(b->tokenizer, b->documents[i].data, b->documents[i].size, false,
                                   b->scratch, &b->decodable[i], &err),
              &err);
}

static void pass(struct bench *b, const char *name, size_t limit)
{
    static const char *const names[] = {"ids", "cold", "offsets", "count", "decode"};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    struct id_list ids = {0};
    struct encoded encoded = {0};
    size_t bytes = 0, tokens = 0;
    enum mode mode = IDS;

    while (strcmp(names[mode], name) != 0)
        if (mode++ == DECODE)
            fail(name);
    if (mode == DECODE && !b->decodable)
        make_decodable(b);
    if (mode == COLD) {
        scratch_free(b->scratch);
        b->scratch = NULL;
    }
    int64_t begun = cpu_ns();
    if (!b->scratch)
        b->scratch = scratch_new(0);
    for (size_t i = 0; i < b->n_documents && bytes < limit; i++)
        tokens += one(b, mode, i, &ids, &encoded, &out, &bytes, &err);
    int64_t took = cpu_ns() - begun;
    printf("{\"ns\": %lld, \"bytes\": %zu, \"tokens\": %zu, \"resident_kb\": %ld}\n",
           (long long)took, bytes, tokens, resident_kb());
    id_list_release(&ids);
    encoded_release(&encoded);
}

int main(void)
{
    struct bench b = {.scratch = scratch_new(0)};
    char line[4096], what[16], argument[4000];

    while (fgets(line, sizeof(line), stdin)) {
        size_t limit = SIZE_MAX;

        if (sscanf(line, "%15s %3999s %zu", what, argument, &limit) < 2)
            fail(line);
        if (!strcmp(what, "load"))
            load(&b, argument);
        else if (!strcmp(what, "texts"))
            texts(&b, argument);
        else
            pass(&b, argument, limit);
        fflush(stdout);
    }
    tokenizer_unref(b.tokenizer);
    scratch_free(b.scratch);
    for (size_t i = 0; b.decodable && i < b.n_documents; i++)
        id_list_release(&b.decodable[i]);
    free(b.decodable);
    free(b.documents);
    buf_release(&b.texts);
    return 0;
}
