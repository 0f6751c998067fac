/*
 * Renders templates for tests/e2e/test_template.py: one JSON document a line on
 * stdin, one a line on stdout, until the input ends.
 *
 *     {"template": "…", "context": {messages, tools?, documents?, add_generation_prompt?, …}}
 * With "users": true the answer has "users" too: what is the request's own text.
 *
 *     {"text": "…", "spans": [[0, 3]]}   or   {"error": "template-failed", "detail": "…"}
 *
 * The clock stands at 2024-07-26 12:00:00 UTC. With "-n N" a line is rendered N
 * times, ten times over; the answer has the nanoseconds of a rendering and of a
 * compilation in the quickest of the ten, and the bytes a rendering takes (bench).
 */
#include "base/clock.h"
#include "template/template.h"
#include "json/writer.h"

#include <stdio.h>
#include <unistd.h>

static const int64_t now_s = 1721995200;

struct job {
    char *template;
    size_t size;
    struct template_inputs in;
    struct buf kwargs;
    bool wants_users;
};

static const struct template_token tokens[] = {
    {"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}};

static void read_context(struct json_reader *r, struct job *job)
{
    struct slice key, raw;

    buf_append_char(&job->kwargs, '{');
    json_read_object(r);
    while (json_read_key(r, &key)) {
        AUTO_FREE char *name = slice_dup(key);

        if (str_eq(name, "messages")) {
            json_read_raw(r, &job->in.messages);
        } else if (str_eq(name, "tools")) {
            json_read_raw(r, &job->in.tools);
        } else if (str_eq(name, "documents")) {
            json_read_raw(r, &job->in.documents);
        } else if (str_eq(name, "add_generation_prompt")) {
            json_read_bool(r, &job->in.add_generation_prompt);
        } else if (str_eq(name, "continue_final_message")) {
            json_read_bool(r, &job->in.continue_final_message);
        } else if (json_read_raw(r, &raw)) {
            if (job->kwargs.size > 1)
                buf_append_char(&job->kwargs, ',');
            json_write_str(&job->kwargs, name);
            buf_append_char(&job->kwargs, ':');
            buf_append(&job->kwargs, raw.data, raw.size);
        }
    }
    buf_append_char(&job->kwargs, '}');
    job->in.kwargs = (struct slice){job->kwargs.data, job->kwargs.size};
}

static void read_job(const char *line, size_t size, struct job *job)
{
    AUTO_JSON_READER struct json_reader r = json_reader(line, size);
    struct slice key, text;

    r.max_depth = JSON_DEPTH_MAX;
    job->in = (struct template_inputs){
        .messages = {"[]", 2},
        .tokens = tokens,
        .n_tokens = ARRAY_SIZE(tokens),
        .add_generation_prompt = true,
    };
    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "template") && json_read_text(&r, &text)) {
            job->template = slice_dup(text);
            job->size = text.size;
        } else if (slice_eq(key, "context")) {
            read_context(&r, job);
        } else if (slice_eq(key, "users")) {
            json_read_bool(&r, &job->wants_users);
        } else {
            json_read_skip(&r);
        }
    }
}

static void keep_least(int64_t *least, int64_t ns)
{
    if (ns < *least)
        *least = ns;
}

static bool run(const struct job *job, int times, struct buf *text, struct template_report *report,
                int64_t ns[2], struct err *err)
{
    struct template_options options = {.now_s = &now_s};
    AUTO_TEMPLATE struct template *t = NULL;

    ns[0] = ns[1] = INT64_MAX;
    for (int round = 0; round < (times > 1 ? 10 : 1); round++) {
        int64_t start = clock_mono_ns();

        template_unref(take(&t));
        if (!template_compile(job->template, job->size, &t, err))
            return false;
        keep_least(&ns[0], clock_mono_ns() - start);
        start = clock_mono_ns();
        for (int i = 0; i < times; i++) {
            buf_clear(text);
            report->generation.n = report->users.n = 0;
            if (!template_render(t, &job->in, &options, text, report, err))
                return false;
        }
        keep_least(&ns[1], (clock_mono_ns() - start) / times);
    }
    return true;
}

static void write_spans(struct json *j, const char *key, struct template_spans *spans,
                        const struct buf *text)
{
    template_spans_in_chars(spans, text->data);
    json_key(j, key), json_open(j, '[');
    for (size_t i = 0; i < spans->n; i++) {
        json_item(j);
        buf_printf(j->out, "[%zu,%zu]", spans->items[i].start, spans->items[i].end);
    }
    json_close(j, ']');
}

static void answer(const struct job *job, int times)
{
    AUTO_TEMPLATE_REPORT struct template_report report = {.wants_users = job->wants_users};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0}, out = {0};
    struct json j = json_begin(&out);
    int64_t ns[2];

    json_open(&j, '{');
    if (run(job, times, &text, &report, ns, &err)) {
        json_key(&j, "text"), json_write_str_n(&out, text.data ? text.data : "", text.size);
        write_spans(&j, "spans", &report.generation, &text);
        if (job->wants_users)
            write_spans(&j, "users", &report.users, &text);
        if (times > 1) {
            json_int(&j, "compile_ns", ns[0]);
            json_int(&j, "render_ns", ns[1]);
            json_int(&j, "memory", (int64_t)report.memory);
        }
    } else {
        json_str(&j, "error", err_slug(err.code));
        json_str(&j, "detail", err.msg);
    }
    json_close(&j, '}');
    puts(out.data);
}

int main(int argc, char **argv)
{
    int times = argc == 3 && str_eq(argv[1], "-n") ? atoi(argv[2]) : 1;
    AUTO_FREE char *line = NULL;
    size_t capacity = 0;
    ssize_t n;

    while ((n = getline(&line, &capacity, stdin)) > 0) {
        struct job job = {0};

        read_job(line, (size_t)n, &job);
        if (!job.template)
            job.template = str_dup("");
        answer(&job, times > 0 ? times : 1);
        fflush(stdout);
        free(job.template);
        buf_release(&job.kwargs);
    }
    return 0;
}
