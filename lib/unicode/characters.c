#include "unicode/characters.h"

#include "unicode/characters_data.h"
#include "unicode/trie.h"

unsigned character_classes(uint32_t cp) { return UNICODE_TRIE(character, CHARACTER, cp); }

size_t character_lower(uint32_t cp, uint32_t ret[2])
{
    if (cp == 0x130) { /* the only one with two */
        ret[0] = 'i';
        ret[1] = 0x307;
        return 2;
    }
    ret[0] = cp + (uint32_t)lower_distances[UNICODE_TRIE(lower, LOWER, cp)];
    return 1;
}

unsigned character_script(uint32_t cp) { return UNICODE_TRIE(script, SCRIPT, cp); }
