#pragma once
/* GGUF architectures and the classes that transformers has for them. */

struct gguf_arch {
    const char *name;       /* general.architecture */
    const char *classes;    /* separated by blanks, the likeliest first */
    const char *model_type; /* as config.json would say */
};

/* NULL: none we know, or none that is a model by itself (clip). */
const struct gguf_arch *gguf_arch_find(const char *name);
