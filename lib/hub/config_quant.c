#include "hub/config_parts.h"

#include <ctype.h>
#include <stdio.h>

static const struct {
    const char *name;
    enum quant_method method;
} methods[] = {
    {"gptq", QUANT_GPTQ},
    {"awq", QUANT_AWQ},
    {"fp8", QUANT_FP8},
    {"fbgemm_fp8", QUANT_FBGEMM_FP8},
    {"compressed-tensors", QUANT_COMPRESSED_TENSORS},
    {"bitsandbytes", QUANT_BITSANDBYTES},
    {"mxfp4", QUANT_MXFP4},
    {"mxfp6", QUANT_MXFP6},
    {"mxfp8", QUANT_MXFP8},
    {"modelopt", QUANT_MODELOPT},
    {"mlx", QUANT_MLX},
};

static void set_method(struct quant *q, const char *name)
{
    size_t n = 0;

    for (; name[n] && n + 1 < sizeof(q->name); n++)
        q->name[n] =
            name[n] == '_' && str_starts(name, "compressed") ? '-' : (char)tolower(name[n]);
    q->name[n] = '\0';
    q->method = q->name[0] ? QUANT_OTHER : QUANT_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (str_eq(methods[i].name, q->name))
            q->method = methods[i].method;
    if (str_starts(q->name, "modelopt")) /* modelopt_fp4 */
        q->method = QUANT_MODELOPT;
}

static int small_int(json_t *object, const char *names)
{
    json_t *v = object_get(object, names);

    return json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) < 1 << 20
               ? (int)json_integer_value(v)
               : 0;
}

/* compressed-tensors and newer ModelOpt: numbers are in the first group. */
static void read_groups(struct quant *q, json_t *groups)
{
    const char *name;
    json_t *group;

    json_object_foreach(groups, name, group)
    {
        json_t *weights = json_object_get(group, "weights");
        q->bits = small_int(weights, "num_bits");
        q->group_size = small_int(weights, "group_size");
        q->sym = object_bool(weights, "symmetric", false);
        return;
    }
}

/* Before quant_method there were only the switches of bitsandbytes. */
static const char *method_name(json_t *q)
{
    const char *name = object_str(q, "quant_method");

    if (name[0])
        return name;
    if (object_bool(q, "load_in_4bit|load_in_8bit|_load_in_4bit|_load_in_8bit", false))
        return "bitsandbytes";
    if (json_object_get(q, "quant_algo"))
        return "modelopt";
    if (json_object_get(q, "config_groups"))
        return "compressed-tensors";
    return "";
}

static int implied_bits(const struct quant *q, json_t *object)
{
    switch (q->method) {
    case QUANT_FP8:
    case QUANT_FBGEMM_FP8:
    case QUANT_MXFP8:
        return 8;
    case QUANT_MXFP6:
        return 6;
    case QUANT_MXFP4:
        return 4;
    case QUANT_BITSANDBYTES:
        return object_bool(object, "load_in_4bit|_load_in_4bit", false) ? 4 : 8;
    case QUANT_MODELOPT:
        return str_starts(q->format, "FP8") || str_starts(q->format, "INT8") ? 8 : 4;
    default:
        return 0;
    }
}

static void read_object(struct quant *q, json_t *object)
{
    json_t *block = json_object_get(object, "weight_block_size");

    set_method(q, method_name(object));
    if (q->method == QUANT_NONE)
        return;
    snprintf(q->format, sizeof(q->format), "%s",
             object_str(object, "format|quant_algo|checkpoint_format|bnb_4bit_quant_type|fmt"));
    q->bits = small_int(object, "bits|w_bit|num_bits|nbits");
    q->group_size = small_int(object, "group_size|q_group_size");
    q->desc_act = object_bool(object, "desc_act", false);
    q->sym = object_bool(object, "sym", false);
    if (json_object_get(object, "config_groups"))
        read_groups(q, json_object_get(object, "config_groups"));
    if (json_is_array(block) && q->group_size == 0)
        q->group_size = (int)json_integer_value(json_array_get(block, 1));
    if (q->bits == 0)
        q->bits = implied_bits(q, object);
}

void config_read_quant(struct config *c, struct config_doc *d)
{
    json_t *q = object_get(d->root, "quantization_config|compression_config");
    json_t *mlx = object_get(d->root, "quantization");

    if (!q)
        q = object_get(d->text, "quantization_config|compression_config");
    if (q)
        read_object(&c->quant, q);
    else if (json_is_object(mlx)) {
        read_object(&c->quant, mlx);
        if (c->quant.method == QUANT_NONE) {
            set_method(&c->quant, "mlx");
            c->quant.bits = small_int(mlx, "bits");
            c->quant.group_size = small_int(mlx, "group_size");
            snprintf(c->quant.format, sizeof(c->quant.format), "%s", object_str(mlx, "mode"));
        }
    }
}

void config_add_quant_file(struct config *c, const char *text, size_t size)
{
    json_t *doc = json_loadb(text, size, 0, NULL), *inner;

    if (c->quant.method == QUANT_NONE && json_is_object(doc)) {
        inner = object_get(doc, "quantization");
        read_object(&c->quant, inner ? inner : doc);
        if (c->quant.method == QUANT_NONE && json_object_get(doc, "w_bit"))
            set_method(&c->quant, "awq"), c->quant.bits = small_int(doc, "w_bit");
        else if (c->quant.method == QUANT_NONE && json_object_get(doc, "bits"))
            set_method(&c->quant, "gptq"), c->quant.bits = small_int(doc, "bits");
        if (c->quant.group_size == 0 && c->quant.method)
            c->quant.group_size = small_int(doc, "group_size|q_group_size");
    }
    json_decref(doc);
}
