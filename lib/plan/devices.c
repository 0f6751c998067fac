#include "plan/devices.h"

#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>

#define MIB(n)   ((int64_t)(n) << 20)
#define GIB(n)   ((int64_t)(n) << 30)
#define BIT(e)   (UINT32_C(1) << (e))
#define HALF     (BIT(ENCODING_FLOAT32) | BIT(ENCODING_FLOAT16))
#define BASE     (HALF | BIT(ENCODING_BFLOAT16))
#define CUDA     (BASE | BIT(ENCODING_GPTQ))
#define CUDA_FP8 (CUDA | BIT(ENCODING_FLOAT8_E4M3FN))
#define CUDA_FP4 (CUDA_FP8 | BIT(ENCODING_FLOAT4_E2M1FNX2))
#define HIP_FP8  (BASE | BIT(ENCODING_FLOAT8_E4M3FN))
#define HIP_FP4  (HIP_FP8 | BIT(ENCODING_FLOAT6_E2M3FN) | BIT(ENCODING_FLOAT4_E2M1FNX2))

/* Smallest memory first: what would fit is suggested in this order. */
static const struct device_type types[] = {
    {"T4", "teslat4", API_CUDA, MIB(15360), HALF | BIT(ENCODING_GPTQ)},
    {"V100", "v10016gb|v100sxm2", API_CUDA, MIB(16160), HALF | BIT(ENCODING_GPTQ)},
    {"A10G", "a10|nvidiaa10g", API_CUDA, MIB(23028), CUDA},
    {"L4", "nvidial4", API_CUDA, MIB(23034), CUDA_FP8},
    {"RTX4090", "4090|geforcertx4090", API_CUDA, MIB(24564), CUDA_FP8},
    {"RTX3090", "3090|geforcertx3090", API_CUDA, MIB(24576), CUDA},
    {"V100-32GB", "v10032", API_CUDA, MIB(32510), HALF | BIT(ENCODING_GPTQ)},
    {"RTX5090", "5090|geforcertx5090", API_CUDA, MIB(32607), CUDA_FP4},
    {"A100-40GB", "a10040|a100pcie40gb|a100sxm440gb", API_CUDA, MIB(40960), CUDA},
    {"L40S", "l40|nvidial40s", API_CUDA, MIB(46068), CUDA_FP8},
    {"RTXA6000", "a6000", API_CUDA, MIB(49140), CUDA},
    {"RTX6000Ada", "6000ada|rtx6000adageneration", API_CUDA, MIB(49140), CUDA_FP8},
    {"MI250X", "instinctmi250x|mi250", API_HIP, GIB(64), BASE},
    {"H100", "h10080gb|h100sxm|h100sxm5|h100pcie|h10080gbhbm3|nvidiah10080gbhbm3", API_CUDA,
     MIB(81559), CUDA_FP8},
    {"A100", "a10080gb|a10080|a100sxm480gb|a100pcie80gb", API_CUDA, MIB(81920), CUDA},
    {"H100-NVL", "h10094gb", API_CUDA, MIB(95830), CUDA_FP8},
    {"GH200", "gh20096gb", API_CUDA, MIB(97871), CUDA_FP8},
    {"RTXPRO6000", "rtxpro6000blackwell|pro6000", API_CUDA, MIB(97887), CUDA_FP4},
    {"H200", "h200sxm|h200141gb|nvidiah200", API_CUDA, MIB(143771), CUDA_FP8},
    {"B200", "nvidiab200", API_CUDA, MIB(183359), CUDA_FP4},
    {"MI300X", "instinctmi300x|amdmi300x", API_HIP, MIB(196592), HIP_FP8},
    {"MI325X", "instinctmi325x|amdmi325x", API_HIP, GIB(256), HIP_FP8},
    {"B300", "nvidiab300", API_CUDA, MIB(275040), CUDA_FP4},
    {"MI355X", "instinctmi355x|amdmi355x", API_HIP, GIB(288), HIP_FP4},
};

static const char *const api_names[N_DEVICE_APIS] = {NULL, "cpu", "cuda", "hip", "metal"};

const char *device_api_name(enum device_api api) { return api_names[api]; }

const char *device_kind_name(enum device_kind k) { return k == DEVICE_GPU ? "gpu" : "cpu"; }

const struct device_type *device_types(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(types);
    return types;
}

/* What is left of a name when case and separators do not count. */
static void squeeze(const char *name, char *ret, size_t size)
{
    size_t n = 0;

    for (; *name && n + 1 < size; name++)
        if (isalnum((unsigned char)*name))
            ret[n++] = (char)tolower((unsigned char)*name);
    ret[n] = '\0';
}

static bool has_alias(const struct device_type *t, const char *name)
{
    char own[48];
    size_t size = strlen(name);

    squeeze(t->name, own, sizeof(own));
    if (str_eq(own, name))
        return true;
    for (const char *at = t->aliases; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, name, size) == 0 && (at[size] == '|' || at[size] == '\0'))
            return true;
    return false;
}

const struct device_type *device_type_find(const char *name)
{
    char wanted[64];

    squeeze(name, wanted, sizeof(wanted));
    if (wanted[0] == '\0')
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (has_alias(&types[i], wanted))
            return &types[i];
    return NULL;
}

bool device_type_unknown(struct err *err, const char *pointer, const char *name)
{
    const char *names[ARRAY_SIZE(types)];
    const char *near[NEAREST_MAX];
    size_t n_near;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        names[i] = types[i].name;
    n_near = nearest(name, names, ARRAY_SIZE(types), near);
    err_set(err, ERR_DEVICE_UNAVAILABLE,
            "Device type '%.64s' is not known here%s%s%s. A device may also be described in "
            "figures: {\"type\": …, \"memory_bytes\": …}.",
            name, n_near ? "; nearest is '" : "", n_near ? near[0] : "", n_near ? "'" : "");
    err_fact_str(err, "pointer", pointer);
    err_fact_str(err, "value", name);
    err_fact_strv(err, "nearest", near, n_near);
    return err_fact_strv(err, "available", names, ARRAY_SIZE(types));
}

struct device device_of_type(const struct device_type *t, int id)
{
    struct device d = {.kind = DEVICE_GPU,
                       .api = t->api,
                       .id = id,
                       .memory_bytes = t->memory_bytes,
                       .free_bytes = t->memory_bytes,
                       .encodings = t->encodings};

    snprintf(d.type, sizeof(d.type), "%s", t->name);
    return d;
}

struct device device_cpu(int64_t memory_bytes)
{
    return (struct device){.type = "cpu",
                           .kind = DEVICE_CPU,
                           .api = API_CPU,
                           .memory_bytes = memory_bytes,
                           .free_bytes = memory_bytes};
}

static int64_t mem_total(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    int64_t kib = 0;

    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f))
        if (str_starts(line, "MemTotal:")) {
            kib = strtoll(line + strlen("MemTotal:"), NULL, 10);
            break;
        }
    fclose(f);
    return kib > 0 && kib < INT64_MAX / 1024 ? kib * 1024 : 0;
}

void machine_read(struct machine *ret, const struct device *found, size_t n_found)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < n_found && ret->n + 1 < ARRAY_SIZE(ret->devices); i++)
        ret->devices[ret->n++] = found[i];
    ret->devices[ret->n++] = device_cpu(mem_total());
}
