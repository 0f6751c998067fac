#pragma once
/*
 * Patterns: how the text is cut before byte-level BPE, for formats that only name
 * it. Spelled as in the models' own tokenizer.json wherever there is one, so that
 * the scanner for that spelling is found.
 */
#include "base/base.h"

/* cl100k_base, o200k_base, Llama 3 (and others by its name), Qwen 2. */
extern const char pattern_cl100k[], pattern_o200k[], pattern_llama3[], pattern_qwen2[];
extern const char pattern_kimi[];

enum { PATTERNS_MAX = 6 };

struct named_pattern {
    const char *name;                 /* tokenizer.ggml.pre */
    const char *splits[PATTERNS_MAX]; /* regular expressions, one after another; none: GPT-2's */
    bool individual_digits;           /* Digits before GPT-2's */
    bool ignore_merges, add_bos, add_sep;
};

/* NULL: unknown. */
const struct named_pattern *named_pattern_find(const char *name);
/* All names, NULL behind. Returns their number. */
size_t named_pattern_names(const char **ret, size_t max);
