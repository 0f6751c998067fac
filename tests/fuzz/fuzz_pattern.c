/* Regular expressions of tokenizer files: a pattern, a NUL, a text to search. */
#include "base/utf8.h"
#include "tokenizer/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *pattern = (const char *)data, *end = memchr(data, '\0', size);
    size_t pattern_size = end ? (size_t)(end - pattern) : size;
    const char *text = end ? end + 1 : "";
    size_t text_size = end ? size - pattern_size - 1 : 0;
    AUTO_ERR struct err err = {0};
    struct pattern *p;
    struct pattern_scratch *scratch;
    struct pattern_cursor cursor = {0};
    struct span span;

    if (!pattern_compile(pattern, pattern_size, &p, &err))
        return 0;
    scratch = pattern_scratch_new();
    if (text_size <= 200 && utf8_valid(text, text_size, NULL))
        while (pattern_next(p, text, text_size, scratch, &cursor, &span) == PATTERN_MATCH)
            if (span.start > span.end || span.end > text_size)
                abort();
    pattern_scratch_free(scratch);
    pattern_free(p);
    return 0;
}
