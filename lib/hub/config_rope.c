#include "hub/config_parts.h"

#include <math.h>
#include <stdio.h>

/* Newer files have a set of parameters per kind of layer; full attention has the longest reach. */
static json_t *rope_object(const struct config_doc *d)
{
    json_t *rope = doc_get(d, "rope_scaling|rope_parameters");
    json_t *full = json_object_get(rope, "full_attention");

    if (json_is_object(full))
        return full;
    return json_is_object(rope) ? rope : NULL;
}

/* Learned positions start behind the padding id in RoBERTa's descendants. */
static bool positions_behind_padding(const char *model_type)
{
    return word_in(model_type, "roberta|xlm-roberta|xlm-roberta-xl|camembert|mpnet|xmod|"
                               "roberta-prelayernorm|data2vec-text|longformer");
}

static bool is_unbounded(const char *model_type)
{
    return word_in(model_type, "bloom|mamba|mamba2|falcon_mamba|rwkv|rwkv5|rwkv6|rwkv7|xlstm");
}

/* The smallest of the keys that say how long a sequence may be. -1 as a value means no limit. */
static int64_t shortest(struct config_doc *d, int64_t *ret_position_embeddings)
{
    static const char *const keys[] = {
        "max_position_embeddings", "n_positions",         "max_seq_len",    "seq_length", "n_ctx",
        "max_target_positions",    "max_sequence_length", "max_seq_length", "seq_len"};
    int64_t least = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        json_t *v = doc_get(d, keys[i]);
        int64_t n = json_is_number(v) && json_number_value(v) <= 0 ? 0 : doc_int(d, keys[i], 0);

        if (n == 0 && (n = config_default(d->model_type, keys[i])) < 0)
            continue;
        if (*ret_position_embeddings == 0)
            *ret_position_embeddings = n;
        if (least == 0 || n < least)
            least = n;
    }
    return least;
}

/*
 * Some methods stretch a trained length by factor; others have it stretched
 * already in max_position_embeddings. Gemma 3 writes "linear" for layers whose
 * length is already the whole one.
 */
static int64_t stretched(const struct config *c, const struct config_doc *d, int64_t n)
{
    double length = (double)n;

    if (n == 0 || c->rope_factor <= 1 || str_starts(d->model_type, "gemma3"))
        return n;
    if (str_eq(c->rope_scaling, "yarn") && c->original_max_positions)
        length = (double)c->original_max_positions;
    else if (!word_in(c->rope_scaling, "yarn|linear|dynamic"))
        return n;
    return (int64_t)fmin(length * c->rope_factor, 9e18);
}

static void read_scaling(struct config *c, struct config_doc *d)
{
    json_t *rope = rope_object(d), *factor = object_get(rope, "factor");
    const char *type = object_str(rope, "rope_type|type");

    if (str_eq(type, "su"))
        type = "longrope";
    if (json_object_get(rope, "mrope_section"))
        type = "mrope"; /* newer files say default beside it */
    if (str_eq(type, "default"))
        type = "";
    snprintf(c->rope_scaling, sizeof(c->rope_scaling), "%s", type);
    if (factor && (!json_is_number(factor) || json_number_value(factor) <= 0 ||
                   json_number_value(factor) > 1e6))
        doc_fault(d, "factor", factor, "the factor of rope_scaling is a number above 0");
    else if (factor)
        c->rope_factor = json_number_value(factor);
    c->original_max_positions = object_int(d, rope, "original_max_position_embeddings", 0);
    if (c->original_max_positions == 0)
        c->original_max_positions = doc_int(d, "original_max_position_embeddings", 0);
    c->rope_theta = doc_real(d, "rope_theta|rotary_emb_base", 0);
    if (c->rope_theta == 0)
        c->rope_theta = json_number_value(object_get(rope, "rope_theta"));
}

void config_read_rope(struct config *c, struct config_doc *d)
{
    json_t *longest = doc_get(d, "model_max_length");
    int64_t n;

    read_scaling(c, d);
    n = shortest(d, &c->max_position_embeddings);
    c->max_positions = stretched(c, d, n);
    if (positions_behind_padding(d->model_type) && n > 0) {
        int64_t pad = c->pad_token_id >= 0 ? c->pad_token_id : 1;
        c->max_positions = n > pad + 1 ? n - pad - 1 : n;
    }
    if (json_is_integer(longest) && json_integer_value(longest) > 0)
        c->max_positions = json_integer_value(longest); /* Cohere's */
    if (is_unbounded(d->model_type))
        c->max_positions = 0;
}
