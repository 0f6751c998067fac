#pragma once
/* Scan families: the rules of the known patterns. Constants, so that code is made for each. */
#include "tokenizer/scan_kernel.h"
#include "tokenizer/scan_rules.h"

enum {
    NOT_L_N = SCAN_CHARACTERS & ~(SCAN_L | SCAN_N),
    LEADS = NOT_L_N & ~SCAN_BIT(SCAN_NEWLINE),
    SYMBOL = NOT_L_N & ~SCAN_Z,
    NUMERIC = SCAN_N | SCAN_BIT(SCAN_NUMERIC),
};

static const struct scan_rules gpt2_rules = {
    .contraction = CONTRACTION_CASED,
    .word = SCAN_L,
    .lead = SCAN_BIT(SCAN_SPACE),
    .number = SCAN_N,
    .space_number = true,
    .symbols = SYMBOL,
};
/* Digits are cut out before, one by one, and they are what Unicode 17 says. */
static const struct scan_rules digits_gpt2_rules = {
    .contraction = CONTRACTION_CASED,
    .word = SCAN_L,
    .lead = SCAN_BIT(SCAN_SPACE),
    .number = NUMERIC,
    .max_digits = 1,
    .symbols = SYMBOL & ~SCAN_BIT(SCAN_NUMERIC),
    .stop = NUMERIC,
};
#define CL100K_RULES(digits)                                                               \
    {                                                                                      \
        .contraction = CONTRACTION_FIRST, .word = SCAN_L, .lead = LEADS, .number = SCAN_N, \
        .max_digits = (digits), .symbols = SYMBOL, .newlines = true,                       \
    }
static const struct scan_rules llama3_rules = CL100K_RULES(3);
static const struct scan_rules qwen2_rules = CL100K_RULES(1);
static const struct scan_rules cl100k_2_rules = {
    .contraction = CONTRACTION_FIRST,
    .word = SCAN_L,
    .lead = LEADS,
    .number = SCAN_N,
    .symbols = SYMBOL,
    .newlines = true,
    .white_end = true,
};
static const struct scan_rules qwen3_5_rules = {
    .contraction = CONTRACTION_FIRST,
    .word = SCAN_L | SCAN_M,
    .lead = LEADS,
    .number = SCAN_N,
    .max_digits = 1,
    .symbols = SYMBOL & ~SCAN_M,
    .newlines = true,
};
static const struct scan_rules o200k_rules = {
    .contraction = CONTRACTION_SUFFIX,
    .cased = true,
    .word = SCAN_UNCASED | SCAN_M,
    .lead = LEADS,
    .number = SCAN_N,
    .max_digits = 3,
    .symbols = SYMBOL,
    .newlines = true,
    .trailing_slash = true,
};
static const struct scan_rules tekken_rules = {
    .cased = true,
    .word = SCAN_UNCASED | SCAN_M,
    .lead = LEADS,
    .number = SCAN_N,
    .max_digits = 1,
    .symbols = SYMBOL,
    .newlines = true,
    .trailing_slash = true,
};
static const struct scan_rules kimi_rules = {
    .contraction = CONTRACTION_SUFFIX,
    .cased = true,
    .han_runs = true,
    .word = SCAN_BIT(SCAN_LETTER) | SCAN_BIT(SCAN_MARK),
    .lead = LEADS,
    .number = SCAN_N,
    .max_digits = 3,
    .symbols = SYMBOL,
    .newlines = true,
};
static const struct scan_rules deepseek_rules = {
    .ascii_word = true,
    .cjk = true,
    .word = SCAN_L | SCAN_M,
    .lead = LEADS & ~(SCAN_P | SCAN_S),
    .number = SCAN_N,
    .max_digits = 3,
    .symbols = SCAN_P | SCAN_S,
    .newlines = true,
    .stop = SCAN_N | SCAN_CJK,
};
