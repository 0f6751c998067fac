#include "api/problem.h"

#include "base/nearest.h"
#include "json/writer.h"

#include <stdio.h>

/* clang-format off */
static const struct problem problems[] = {
    [ERR_NONE] = {200, "No problem", "Nothing is wrong."},
    [ERR_INVALID] = {400, "Invalid request", "The request could not be read: its head, its encoding or its JSON is broken. The detail says where."},
    [ERR_FIELD] = {422, "Invalid field", "The request can be read, but a field has a value that makes no sense. \"errors\" lists every fault with a JSON pointer (query keys as ?key) and what is allowed."},
    [ERR_UNKNOWN_FIELD] = {422, "Unknown field", "A field or query key is not known here; most often it is misspelled. \"errors\" names the nearest known one. Unknown fields are refused so that a typo does not silently change what is asked."},
    [ERR_COMBINATION] = {422, "Unsupported combination", "Each field is fine, but they do not go together."},
    [ERR_NOT_IMPLEMENTED] = {501, "Not implemented", "This is known but not done by this server."},

    [ERR_ARCH_NOT_FOUND] = {404, "Architecture not found", "No registered architecture fits. \"candidates\" lists what was tried and why it was not taken. Register one with POST /v1/architectures, or name one with override_architecture."},
    [ERR_ARCH_EXISTS] = {409, "Architecture exists", "An architecture of this name and task is registered. Repeat with allow_override=true to replace it."},
    [ERR_TASK_NOT_FOUND] = {404, "Task not found", "The architecture is known, but not for this task. \"available\" lists its tasks."},
    [ERR_TASK_UNKNOWN] = {404, "Unknown task", "There is no task of this name. \"available\" lists all there are."},
    [ERR_PRECONDITION] = {412, "Precondition failed", "The object changed since the ETag in If-Match was given out. Read it again, then decide again."},

    [ERR_REPO_NOT_FOUND] = {404, "Repository not found", "The Hub has no repository of this name, or it is private and not for us: then the Hub does not admit that it exists. \"authenticated\" says whether a token was sent. Check the name; if it is private, set HF_TOKEN to a token that may read it."},
    [ERR_REPO_PRIVATE] = {403, "Repository refused", "The Hub knows the repository and refuses it to the token that was sent, or to anybody without one (\"authenticated\"). The scope of a token may be too narrow. Where the Hub does not even admit that a private repository exists, the problem is repository-not-found."},
    [ERR_REPO_GATED] = {403, "Repository gated", "Its authors want to be asked first. Accept the conditions on the page of the model and set HF_TOKEN to a token of that account."},
    [ERR_REPO_DISABLED] = {403, "Repository disabled", "The Hub disabled the repository."},
    [ERR_REPO_RENAMED] = {404, "Repository renamed", "The repository has another name now; use that one."},
    [ERR_REVISION_NOT_FOUND] = {404, "Revision not found", "The repository has no such branch, tag or commit."},
    [ERR_FILE_NOT_FOUND] = {404, "File not found", "The repository has no such file at this revision."},
    [ERR_TOKEN_INVALID] = {403, "Hub token invalid", "The Hub refused the configured token. It has expired, was revoked or is not one. Set HF_TOKEN anew."},
    [ERR_HUB_UNREACHABLE] = {502, "Hub unreachable", "The Hub could not be reached and the cache does not have what is needed. Check the network and HF_ENDPOINT."},
    [ERR_HUB_TIMEOUT] = {504, "Hub timeout", "The Hub did not answer in time and the cache does not have what is needed."},
    [ERR_HUB_RATE_LIMITED] = {503, "Hub rate limit", "The Hub asks us to wait. Retry after the given time; a token has higher limits."},
    [ERR_HUB_BAD_ANSWER] = {502, "Bad answer of the Hub", "The Hub, or a proxy in front of it, answered something that cannot be used."},
    [ERR_OFFLINE] = {504, "Offline and not cached", "The daemon works offline and the cache does not have what is needed. \"missing_files\" lists it."},
    [ERR_CONTENT_MISMATCH] = {502, "Content mismatch", "What was downloaded does not have the digest that was promised. It was thrown away."},
    [ERR_FILE_TOO_LARGE] = {422, "File too large", "A file of the model is larger than this server reads. \"limit\" says how much it does."},

    [ERR_PATH_NOT_ALLOWED] = {403, "Path not allowed", "Local models are read below the configured roots only. Add the folder with --model-root."},
    [ERR_PATH_NOT_FOUND] = {404, "Path not found", "There is no such file or folder on the machine of the server."},

    [ERR_CONFIG_MISSING] = {422, "Configuration missing", "The model has neither a config.json nor another description that is known."},
    [ERR_CONFIG_INVALID] = {422, "Configuration invalid", "The model's config.json cannot be used. The detail says where."},
    [ERR_FILE_CORRUPT] = {422, "File corrupt", "A file of the model is not what its name says. If it was cut off by a broken download, refresh the model."},
    [ERR_NO_ARCHITECTURES] = {422, "No architecture named", "The model's config.json names no architecture. Give one with override_architecture."},
    [ERR_REMOTE_CODE] = {422, "Remote code required", "The model needs code from its repository. Set trust_remote_code if you trust its authors."},
    [ERR_NO_TOKENIZER] = {422, "Tokenizer missing", "The model has no tokenizer file that is known here."},

    [ERR_ENCODING_UNSUPPORTED] = {422, "Encoding unsupported", "The architecture does not support this encoding. \"available\" lists those it does."},
    [ERR_ENCODING_UNKNOWN] = {422, "Encoding unknown", "The encoding of the weights cannot be told. Say it with quantization_encoding."},
    [ERR_WEIGHTS_NOT_FOUND] = {422, "Weights not found", "The model has no weights of the wanted format and encoding. \"available\" lists what it has."},
    [ERR_WEIGHTS_INCONSISTENT] = {422, "Weights inconsistent", "The files of the weights do not belong together: a part is missing, or they are of different formats."},
    [ERR_DEVICE_UNAVAILABLE] = {422, "Device unavailable", "The asked devices are not among those that were described."},
    [ERR_DEVICE_UNSUPPORTED] = {422, "Device unsupported", "The encoding or the architecture does not run on this kind of device."},
    [ERR_MAX_LENGTH] = {422, "Maximum length exceeded", "The asked max_length is more than the model was made for. \"limit\" says how much that is."},
    [ERR_DOES_NOT_FIT] = {422, "Does not fit", "The model does not fit into the memory of the devices. The document has the account and what would fit."},
    [ERR_DRAFT] = {422, "Draft model incompatible", "The draft model cannot draft for this model."},
    [ERR_LORA] = {422, "LoRA unsupported", "The adapters cannot be used with this model."},

    [ERR_PIPELINE_NOT_FOUND] = {404, "Pipeline not found", "There is no pipeline with this id; an id is a digest of what was asked, so asking again brings it back."},
    [ERR_FACTORY_NOT_FOUND] = {404, "Factory not found", "There is no factory with this id; an id is a digest of what was asked, so asking again brings it back."},
    [ERR_TOKENIZER_NOT_FOUND] = {404, "Tokenizer not found", "There is no tokenizer with this id; an id is a digest of what was asked, so asking again brings it back."},
    [ERR_PROMPT_TOO_LONG] = {400, "Prompt too long", "The text has more tokens (\"count\") than \"max_length\". Cut it, ask for truncation, or ask for more."},
    [ERR_TOKEN_NOT_FOUND] = {404, "Token not found", "The vocabulary has no such token or id."},
    [ERR_TEMPLATE_NOT_FOUND] = {422, "Chat template not found", "The model has no chat template, none of that name, or several of which none is the default. \"known\" lists their names."},
    [ERR_TEMPLATE_INVALID] = {422, "Chat template invalid", "The chat template does not parse. \"line\" and \"column\" say where, \"detail\" why."},
    [ERR_TEMPLATE_RAISED] = {422, "Refused by the chat template", "The chat template raised an error of its own about these messages; the detail is its text."},
    [ERR_TEMPLATE_FAILED] = {422, "Chat template failed", "An operation in the chat template failed with these messages. \"exception\" is what Python calls it, \"line\" and \"column\" say where."},
    [ERR_TEMPLATE_SIZE] = {422, "Chat template too large", "The chat template has more than \"limit\" bytes, or parts: then \"line\" and \"column\" say where."},
    [ERR_TEMPLATE_OUTPUT] = {422, "Rendered text too large", "The chat template writes more than \"limit\" bytes."},
    [ERR_TEMPLATE_STEPS] = {422, "Too many steps", "Rendering the chat template takes more than \"limit\" steps."},
    [ERR_TEMPLATE_MEMORY] = {422, "Too much memory", "Rendering the chat template takes more than \"limit\" bytes of memory."},
    [ERR_TEMPLATE_DEPTH] = {422, "Nested too deeply", "Brackets, blocks, macros or values of the chat template are nested deeper than \"limit\"."},
    [ERR_TEMPLATE_RANGE] = {422, "Range too long", "The chat template asks for a range() longer than \"limit\"."},

    [ERR_LEASE_NOT_FOUND] = {404, "Lease not found", "The lease was released, has expired, or never was."},
    [ERR_PIPELINE_LEASED] = {409, "Pipeline leased", "Somebody holds a lease on the pipeline. Wait until it is released, or repeat with force=true."},
    [ERR_LEASE_LIMIT] = {429, "Too many leases", "The limit of leases is reached. \"limit\" says how many there may be."},

    [ERR_NOT_FOUND] = {404, "Not found", "There is nothing at this path. \"nearest\" lists paths that are like it; /openapi.json describes all."},
    [ERR_METHOD] = {405, "Method not allowed", "The resource exists, but not for this method. \"allow\" lists those it has."},
    [ERR_NOT_ACCEPTABLE] = {406, "Not acceptable", "The resource cannot be sent in any of the types that Accept names."},
    [ERR_MEDIA_TYPE] = {415, "Unsupported media type", "The body must be of another Content-Type; the detail says which."},
    [ERR_TOO_LARGE] = {413, "Payload too large", "The body is larger than this resource takes. \"limit\" is in bytes."},
    [ERR_URI_TOO_LONG] = {414, "URI too long", "The request target is longer than this server reads."},
    [ERR_UNAUTHORIZED] = {401, "Unauthorized", "A valid key is needed: Authorization: Bearer <key>."},
    [ERR_FORBIDDEN] = {403, "Forbidden", "The key is valid, but does not have the scope that this needs."},
    [ERR_HOST] = {403, "Host not allowed", "The Host or Origin of the request is not one this server answers for. On a loopback address that is how web pages of strangers are kept out. Allow a name with --allowed-host."},
    [ERR_IDEMPOTENCY_CONFLICT] = {409, "Idempotency key in use", "The first request with this Idempotency-Key is still at work. Retry in a moment."},
    [ERR_IDEMPOTENCY_MISMATCH] = {422, "Idempotency key reused", "This Idempotency-Key came with another request before. Use a new key for each request."},
    [ERR_COMPACTED] = {410, "Events compacted", "Events that old are not kept any more. List the resources again and go on from the revision of the list."},
    [ERR_REVISION_AHEAD] = {504, "Revision not reached", "The registry did not reach min_revision in time. Is it from another server?"},
    [ERR_TIMEOUT] = {504, "Timeout", "The answer was not ready in time. The work goes on and is kept: asking again may find it done."},
    [ERR_BUSY] = {503, "Busy", "A limit of what is done at the same time is reached. Retry after the given time."},
    [ERR_DRAINING] = {503, "Draining", "The server is about to stop. Ask again in a moment, or another server."},

    [ERR_STORE] = {500, "Store failed", "The database of the server failed. Its log says more."},
    [ERR_STORE_FULL] = {507, "Store full", "The disk of the server is full, so nothing can be changed. What is there can still be read."},
    [ERR_STORE_READ_ONLY] = {503, "Store read-only", "The database cannot be written, so nothing can be changed. What is there can still be read."},
    [ERR_STORE_CORRUPT] = {500, "Store corrupt", "The database of the server is damaged. Restore it from a backup."},
    [ERR_STORE_NEWER] = {500, "Store newer than the server", "The database was written by a newer version, which this one does not touch."},
    [ERR_IO] = {500, "Input or output failed", "The machine of the server failed to read or write. Its log says more."},
    [ERR_CANCELED] = {503, "Canceled", "The work was given up because the server stops or nobody waited for it. Ask again."},
    [ERR_INTERNAL] = {500, "Internal error", "A bug of ours. The request id finds it in the log."},
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(problems) == N_ERR_CODES, "each code of err.h has a row here");

/* A hole in the table cannot be a static assertion: a call the optimizer must prove away can. */
const struct problem *problem_of(enum err_code code)
{
    const struct problem *p = &problems[code < N_ERR_CODES ? code : ERR_INTERNAL];

    return p->status ? p : &problems[ERR_INTERNAL];
}

bool problem_find(const char *slug, enum err_code *ret)
{
    for (int code = ERR_NONE + 1; code < N_ERR_CODES; code++)
        if (str_eq(err_slug((enum err_code)code), slug)) {
            *ret = (enum err_code)code;
            return true;
        }
    return false;
}

size_t problem_nearest(const char *slug, const char *ret[5])
{
    const char *slugs[N_ERR_CODES];

    for (int code = ERR_NONE + 1; code < N_ERR_CODES; code++)
        slugs[code - 1] = err_slug((enum err_code)code);
    return nearest(slug, slugs, N_ERR_CODES - 1, ret);
}

static void write_head(struct json *j, enum err_code code)
{
    const struct problem *p = problem_of(code);
    char type[80];

    snprintf(type, sizeof(type), "/problems/%s", err_slug(code));
    json_open(j, '{');
    json_str(j, "type", type);
    json_str(j, "title", p->title);
    json_int(j, "status", p->status);
}

static bool is_uuid(const char *s)
{
    return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36 && s[8] == '-' &&
           s[13] == '-' && s[18] == '-' && s[23] == '-';
}

void problem_write(struct buf *out, const struct err *err, const char *request_id)
{
    struct json j = json_begin(out);
    char instance[160];

    write_head(&j, err->code);
    json_str(&j, "detail", err->msg);
    if (request_id) {
        snprintf(instance, sizeof(instance), "urn:%s:%s", is_uuid(request_id) ? "uuid" : "request",
                 request_id);
        json_str(&j, "instance", instance);
    }
    json_str(&j, "code", err_slug(err->code));
    if (err->facts.size) {
        buf_append_char(out, ',');
        buf_append(out, err->facts.data, err->facts.size);
    }
    json_close(&j, '}');
}

void problem_write_page(struct buf *out, enum err_code code)
{
    struct json j = json_begin(out);

    write_head(&j, code);
    json_str(&j, "code", err_slug(code));
    json_str(&j, "explanation", problem_of(code)->text);
    json_close(&j, '}');
}

void problem_write_list(struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    json_key(&j, "problems");
    json_open(&j, '[');
    for (int code = ERR_NONE + 1; code < N_ERR_CODES; code++) {
        json_item(&j);
        problem_write_page(out, (enum err_code)code);
    }
    json_close(&j, ']');
    json_close(&j, '}');
}
