/*
 * Architecture documents and catalog files from bytes. What is accepted must
 * come out of its own canonical text as the same record.
 */
#include "arch/registry.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct arch *a)
{
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};
    CLEANUP(arch_unrefp) struct arch *again = NULL;

    arch_write_doc(a, &text);
    json_t *doc = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    assert(doc);
    bool ok = arch_from_json(&again, doc, "", a->source, a->revision, a->created_at, &err);
    assert(ok);
    assert(str_eq(again->digest, a->digest));
    json_decref(doc);
}

static void as_document(const uint8_t *data, size_t size, enum arch_source source)
{
    json_t *doc =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    CLEANUP(arch_unrefp) struct arch *a = NULL;
    AUTO_ERR struct err err = {0};

    if (!doc)
        return;
    if (arch_from_json(&a, doc, "/x", source, 1, 1, &err))
        check_again(a);
    else
        assert(err.code == ERR_FIELD || err.code == ERR_UNKNOWN_FIELD);
    json_decref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARCHS struct archs archs = {0};
    CLEANUP(catalog_faults_release) struct catalog_faults faults = {0};

    if (size > 1 << 16)
        return 0;
    as_document(data, size, ARCH_API);
    as_document(data, size, ARCH_BUILTIN);
    catalog_load_text("fuzz.json", (const char *)data, size, 1, 1, &archs, &faults);
    for (size_t i = 0; i < archs.n; i++)
        check_again(archs.items[i]);
    for (size_t i = 0; i < faults.n; i++)
        assert(faults.items[i].line >= -1 && faults.items[i].text);
    return 0;
}
