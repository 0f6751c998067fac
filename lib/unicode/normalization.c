#include "unicode/normalization.h"

#include "tokenizer/scalar.h"
#include "unicode/trie.h"

struct character {
    uint8_t class, flags;
    uint16_t at, n, compatible_at, compatible_n;
};
struct composition {
    uint32_t first, second, composed;
};

#include "unicode/normalization_data.h"

/* Flags of a character: what may change it, by form; and Hangul syllables, which are computed. */
enum { IS_HANGUL = 1 << 4 };
enum { S_BASE = 0xAC00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11A7 };
enum { L_COUNT = 19, V_COUNT = 21, T_COUNT = 28, S_COUNT = L_COUNT * V_COUNT * T_COUNT };

static const struct character *find(uint32_t cp)
{
    return &characters[UNICODE_TRIE(character, CHARACTER, cp)];
}

static size_t skip_ascii(const char *text, size_t size, size_t at)
{
    uint64_t word;

    for (; at + 8 <= size; at += 8) {
        memcpy(&word, text + at, 8);
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < size && !(text[at] & 0x80))
        at++;
    return at;
}

bool normalization_is_done(enum normalization_form form, const char *text, size_t size)
{
    uint8_t last = 0;

    for (size_t at = 0;;) {
        size_t from = at;

        at = skip_ascii(text, size, at);
        if (at != from)
            last = 0;
        if (at == size)
            return true;
        const struct character *c = find(scalar_next(text, &at));
        if (c->flags & 1u << form || (c->class && c->class < last))
            return false;
        last = c->class;
    }
}

void normalization_release(struct normalization *n) { free(n->items); }

static void push(struct normalization *n, uint32_t cp, int32_t change, uint8_t class)
{
    if (n->n == n->capacity) {
        n->capacity = n->capacity ? 2 * n->capacity : 256;
        n->items = mem_resize(n->items, n->capacity * sizeof(*n->items));
    }
    n->items[n->n++] = (struct normalized_char){cp, change, class};
}

static void push_hangul(struct normalization *n, uint32_t cp)
{
    uint32_t s = cp - S_BASE;

    push(n, L_BASE + s / (V_COUNT * T_COUNT), 0, 0);
    push(n, V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT, 1, 0);
    if (s % T_COUNT)
        push(n, T_BASE + s % T_COUNT, 1, 0);
}

static void push_decomposed(struct normalization *n, uint32_t cp, bool compatible)
{
    const struct character *c = find(cp);
    uint16_t at = compatible ? c->compatible_at : c->at;
    uint16_t count = compatible ? c->compatible_n : c->n;

    if (c->flags & IS_HANGUL) {
        push_hangul(n, cp);
    } else if (count) {
        for (uint16_t i = 0; i < count; i++)
            push(n, decompositions[at + i], i > 0, find(decompositions[at + i])->class);
    } else {
        push(n, cp, 0, c->class);
    }
}

/* Stable, in n log n: a run of marks may be as long as the text. */
static void merge_marks(struct normalized_char *items, size_t n, struct normalized_char *room)
{
    size_t half = n / 2, a = 0, b = half;

    if (n < 2)
        return;
    merge_marks(items, half, room);
    merge_marks(items + half, n - half, room);
    if (items[half - 1].class <= items[half].class)
        return;
    for (size_t i = 0; i < n; i++)
        room[i] =
            b == n || (a < half && items[a].class <= items[b].class) ? items[a++] : items[b++];
    memcpy(items, room, n * sizeof(*items));
}

static void sort_marks(struct normalization *n)
{
    struct normalized_char *room = NULL;
    size_t room_size = 0;

    for (size_t at = 0; at < n->n;) {
        size_t end = at;
        bool sorted = true;

        while (end < n->n && n->items[end].class) {
            sorted &= end == at || n->items[end - 1].class <= n->items[end].class;
            end++;
        }
        if (!sorted) {
            if (end - at > room_size) {
                room_size = end - at;
                room = mem_resize(room, room_size * sizeof(*room));
            }
            merge_marks(n->items + at, end - at, room);
        }
        at = end + 1;
    }
    free(room);
}

/* 0: they do not compose. */
static uint32_t compose(uint32_t a, uint32_t b)
{
    size_t low = 0, high = ARRAY_SIZE(compositions);

    if (a >= L_BASE && a < L_BASE + L_COUNT && b >= V_BASE && b < V_BASE + V_COUNT)
        return S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) * T_COUNT;
    if (a >= S_BASE && a < S_BASE + S_COUNT && (a - S_BASE) % T_COUNT == 0 && b > T_BASE &&
        b < T_BASE + T_COUNT)
        return a + (b - T_BASE);
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct composition *c = &compositions[mid];

        if (c->first < a || (c->first == a && c->second < b))
            low = mid + 1;
        else
            high = mid;
    }
    return low < ARRAY_SIZE(compositions) && compositions[low].first == a &&
                   compositions[low].second == b
               ? compositions[low].composed
               : 0;
}

/* Canonical composition in place: every mark is tried with the last starter unless it is blocked.
 */
static void compose_all(struct normalization *n)
{
    size_t to = 0, starter = SIZE_MAX;
    uint8_t last = 0; /* class of what was kept since the starter; 0: nothing */

    for (size_t i = 0; i < n->n; i++) {
        struct normalized_char c = n->items[i];
        bool blocked = starter == SIZE_MAX || (last && last >= c.class);
        uint32_t both = blocked ? 0 : compose(n->items[starter].cp, c.cp);

        if (both) {
            n->items[starter].cp = both;
            n->items[starter].change += c.change - 1;
            continue;
        }
        if (!c.class) {
            starter = to;
            last = 0;
        } else if (starter != SIZE_MAX) {
            last = c.class;
        }
        n->items[to++] = c;
    }
    n->n = to;
}

void normalization_run(struct normalization *n, enum normalization_form form, const char *text,
                       size_t size)
{
    bool compatible = form == FORM_NFKC || form == FORM_NFKD;

    n->n = 0;
    for (size_t at = 0; at < size;)
        push_decomposed(n, scalar_next(text, &at), compatible);
    sort_marks(n);
    if (form == FORM_NFC || form == FORM_NFKC)
        compose_all(n);
}
