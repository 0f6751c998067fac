#pragma once
/*
 * The formats that tokenizer_load() chooses from. Each fills an empty spec from
 * its files; what a failure leaves in the spec is the caller's to release.
 */
#include "tokenizer/load.h"

bool load_tokenizer_json(struct slice text, struct tokenizer_spec *s, struct err *err) MUST_CHECK;
