/* What the core counts: as Prometheus text for /metrics, as a document for GET /v1/status. */
#include "api/args.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "json/writer.h"

struct status {
    struct storage_stats storage;
    struct hub_status hub;
    struct source_status source;
};

static void status_read(struct core *core, struct status *s)
{
    s->storage = storage_stats(core->storage);
    hub_status(core->hub, &s->hub);
    source_status(core->source, &s->source);
}

static void gauge(struct buf *b, const char *name, const char *help, double v)
{
    metrics_single(b, name, "gauge", help, v);
}

static void counter(struct buf *b, const char *name, const char *help, double v)
{
    metrics_single(b, name, "counter", help, v);
}

static void write_handles(struct core *core, struct buf *b)
{
    static const struct {
        enum store_handle_kind kind;
        const char *labels;
    } kinds[] = {{STORE_PIPELINE, "kind=\"pipeline\""},
                 {STORE_FACTORY, "kind=\"factory\""},
                 {STORE_TOKENIZER, "kind=\"tokenizer\""}};

    metrics_family(b, "pipelined_handles", "gauge", "Handles, in memory or only stored.");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        metrics_sample(b, "pipelined_handles", kinds[i].labels,
                       (double)core->handles.n[kinds[i].kind]);
    gauge(b, "pipelined_handles_bytes", "Texts of handles in memory.", (double)core->handles.bytes);
    counter(b, "pipelined_handles_texts_dropped_total", "Texts dropped to keep the budget.",
            (double)core->handles.n_texts_dropped);
    gauge(b, "pipelined_leases", "Leases that have not ended.", (double)core->leases.n);
    gauge(b, "pipelined_jobs", "Models being read and pipelines being made.", (double)core->n_jobs);
    gauge(b, "pipelined_idempotency_keys", "Remembered Idempotency-Keys.",
          (double)core->idempotency.by_key.n);
}

static void write_store(const struct storage_stats *s, struct buf *b)
{
    counter(b, "pipelined_store_commits_total", "Transactions.", (double)s->n_commits);
    counter(b, "pipelined_store_writes_total", "Changes in them.", (double)s->n_writes);
    counter(b, "pipelined_store_failures_total", "Changes that could not be stored.",
            (double)s->n_failed);
    counter(b, "pipelined_store_commit_seconds_total", "Time in transactions.",
            (double)s->commit_us / 1e6);
    gauge(b, "pipelined_store_waiting", "Changes that wait for the disk.", (double)s->n_waiting);
    gauge(b, "pipelined_cache_waiting", "Lookups that wait for cache.db.",
          (double)s->n_cache_waiting);
}

static void write_hub(const struct hub_status *s, struct buf *b)
{
    counter(b, "pipelined_hub_requests_total", "Requests to the Hub.", (double)s->requests);
    counter(b, "pipelined_hub_retries_total", "Of them repetitions.", (double)s->retries);
    counter(b, "pipelined_hub_failures_total", "Requests given up.", (double)s->failures);
    counter(b, "pipelined_hub_rate_limited_total", "Answers 429.", (double)s->rate_limited);
    counter(b, "pipelined_hub_cache_hits_total", "Answered by cache.db.", (double)s->cache_hits);
    counter(b, "pipelined_hub_disk_hits_total", "Answered by the Hub cache on disk.",
            (double)s->disk_hits);
    counter(b, "pipelined_hub_joined_total", "Joined a request under way.", (double)s->joined);
    counter(b, "pipelined_hub_mismatches_total", "Content that was not what its hash says.",
            (double)s->mismatches);
    counter(b, "pipelined_hub_stale_total", "Answers older than the Hub might have.",
            (double)s->stale);
    counter(b, "pipelined_hub_received_bytes_total", "Bytes from the Hub.", (double)s->bytes);
}

static void write_cache(const struct hubcache *c, struct buf *b)
{
    gauge(b, "pipelined_cache_bytes", "Bytes of pins and files kept on disk.", (double)c->bytes);
    gauge(b, "pipelined_cache_bytes_max", "Their budget.", (double)c->max_bytes);
}

static void write_models(const struct source_status *s, struct buf *b)
{
    gauge(b, "pipelined_models", "Models in memory.", (double)s->n_models);
    gauge(b, "pipelined_models_bytes", "Bytes of them.", (double)s->bytes);
    counter(b, "pipelined_models_hits_total", "Questions answered from memory.", (double)s->hits);
    counter(b, "pipelined_models_misses_total", "Questions that read the model.",
            (double)s->misses);
    counter(b, "pipelined_models_evicted_total", "Models dropped to keep the budget.",
            (double)s->evicted);
}

static void write_tokenizers(const struct tokenizers *t, struct buf *b)
{
    gauge(b, "pipelined_tokenizers_loaded_bytes", "Images of loaded tokenizers.", (double)t->bytes);
    gauge(b, "pipelined_tokenizers_loading", "Tokenizers being loaded.", (double)t->n_loading);
    counter(b, "pipelined_tokenizers_mapped_total", "Images that were there.", (double)t->n_mapped);
    counter(b, "pipelined_tokenizers_compiled_total", "Images that were made.",
            (double)t->n_compiled);
    counter(b, "pipelined_tokenizers_failed_total", "Tokenizers that could not be loaded.",
            (double)t->n_failed);
}

static void write_prefixes(struct prefix_cache *c, struct buf *b)
{
    struct prefix_counts n = {0};

    if (c)
        prefix_cache_counts(c, &n);
    gauge(b, "pipelined_prefix_cache_bytes", "Texts that are kept with their ids.",
          (double)n.bytes);
    gauge(b, "pipelined_prefix_cache_blocks", "Blocks of texts that are kept.", (double)n.n_blocks);
    counter(b, "pipelined_prefix_cache_hits_total", "Blocks that needed no encoding.",
            (double)n.hits);
    counter(b, "pipelined_prefix_cache_misses_total", "Blocks that were not kept.",
            (double)n.misses);
    counter(b, "pipelined_prefix_cache_evicted_total", "Blocks dropped to keep the budget.",
            (double)n.evicted);
}

static void document(struct core *core, const struct status *s, struct buf *b)
{
    struct json j = json_begin(b);
    char since[CLOCK_TEXT];

    json_open(&j, '{');
    json_int(&j, "revision", core->revision);
    json_int(&j, "architectures", (int64_t)registry_size(core->registry));
    json_bool(&j, "cleared", core->cleared);
    json_int(&j, "pipelines", (int64_t)core->handles.n[STORE_PIPELINE]);
    json_int(&j, "factories", (int64_t)core->handles.n[STORE_FACTORY]);
    json_int(&j, "tokenizers", (int64_t)core->handles.n[STORE_TOKENIZER]);
    json_int(&j, "leases", (int64_t)core->leases.n);
    json_int(&j, "models", (int64_t)s->source.n_models);
    json_int(&j, "models_bytes", (int64_t)s->source.bytes);
    json_int(&j, "cache_bytes", core->hubcache->bytes);
    json_key(&j, "store"), json_open(&j, '{');
    json_bool(&j, "ok", atomic_load(&core->vitals->store_ok));
    json_bool(&j, "read_only", atomic_load(&core->vitals->store_read_only));
    json_int(&j, "commits", (int64_t)s->storage.n_commits);
    json_int(&j, "waiting", (int64_t)s->storage.n_waiting);
    json_close(&j, '}');
    json_key(&j, "hub"), json_open(&j, '{');
    json_bool(&j, "offline", s->hub.offline);
    json_bool(&j, "up", s->hub.is_up);
    json_str(&j, "since", s->hub.since_ms ? clock_text(s->hub.since_ms / 1000, since) : NULL);
    json_str(&j, "last_error", s->hub.last_error[0] ? s->hub.last_error : NULL);
    json_int(&j, "requests", (int64_t)s->hub.requests);
    json_close(&j, '}');
    json_close(&j, '}');
}

void op_status(struct core *core, struct call *call)
{
    const struct args_status *args = call->args;
    AUTO_BUF struct buf b = {0};
    struct status s;

    status_read(core, &s);
    if (args->form == STATUS_JSON) {
        document(core, &s, &b);
    } else {
        write_handles(core, &b);
        write_store(&s.storage, &b);
        write_hub(&s.hub, &b);
        write_cache(core->hubcache, &b);
        write_models(&s.source, &b);
        write_tokenizers(&core->tokenizers, &b);
        write_prefixes(core->prefixes, &b);
    }
    core_answer_buf(core, call, 200, &b);
}
