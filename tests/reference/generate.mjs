// Tokenizers and texts drawn from a seed: every component and option of the library, those that no
// real model uses too, over small vocabularies in which everything collides.
import { random } from './oracle.mjs'

const SPACE = ['none', 'metaspace', 'bytes']
const CHARS = [...'aabcdeeilnorst', ...'ABé1290', ...".,'-!<>|[]#_/", ' ', ' ', '\n', '\t', 'ß', 'İ', 'ı', 'Σ', 'ς', '中', '国', 'の', 'ガ', '한', 'ᄒ', 'ᅡ', 'ᆫ', 'א', 'ש', 'ل', 'ا',
  'क', '्', 'ก', '\u0301', '\u0308', '\u0323', '\u0130', '\u2581', '\u2581', '😀', '👩', '\u200d', '\ufe0f', '🇩', '🇪', 'ﬁ', '½', '²', '①', 'Ａ', '\u3000', '\u00a0', '\u200b', '\u2028', '\u0085', '\u00ad', '\0', '\x1f', '\ufffd', 'Å', '\u212b', '\u1e9e', 'Ж', 'ж', 'ё', 'ğ', '٣', '𝔘', '𠀀', '\u{2b820}', '\u{e0001}', '\ufeff', 'ﷺ']
const WORDS = ['the', 'The', 'hello', 'WORLD', "don't", "I'LL", "'s", '2024', '12345', '3.14', 'foo_bar', 'naïve', 'e\u0301', '日本語', '한국어', 'العربية', 'हिन्दी', '  ', '   ', '\n\n', '\r\n', '\u2581\u2581', 'aaaa', 'abab', '...', '!?', ' .', ' ,', " n't", '<s>', '</s>', '<unk>', '[CLS]', '[MASK]', '<0x41>', '<0xE4>', '<|x|>', 'Ġ', 'Ċ', '##', '</w>']

export function text(r, extra = []) {
  const n = r.pick([0, 1, 1, 2, 3, 5, 8, 20, 60])
  let out = ''
  for (let i = 0; i < n; i++) {
    const kind = r.below(12)
    if (kind < 4) out += r.pick(CHARS)
    else if (kind < 7) out += r.pick(WORDS)
    else if (kind < 8) out += r.pick(CHARS).repeat(1 + r.below(r.pick([3, 40])))
    else if (kind < 9 && extra.length) out += r.pick(extra)
    else if (kind < 11) out += r.pick([' ', '  ', r.pick(WORDS) + ' '])
    else {
      const c = r.below([0x80, 0x800, 0xd800, 0x110000][r.below(4)])
      out += c >= 0xd800 && c < 0xe000 ? '' : String.fromCodePoint(c)
    }
  }
  return out
}

const REGEXES = ['\\s+', '\\w+', '\\w+|[^\\w\\s]+', '[^\\s]', ' ', '\\d', '\\p{N}{1,3}', '\\p{L}+', '[aeiou]', "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", '(?=(\\d{3})+(?!\\d))', '(?<=a)b', '\\b', '^', '$', 'a*', '[[:punct:]]', '[\\p{Han}\\p{Hiragana}]', '\\P{L}', '[^\\p{Lu}]+', '(?i)the', '.', '\\h', '\\X', '\\R', ' {2,}', '[a-c&&[^b]]', 'a|b|ab', '(?<!\\p{L})\\p{M}', '\\p{Mn}', '[\\x{300}-\\x{36f}]', '\\u3042', '\\A\\s', '\\s\\z', '\\s\\Z', '(.)\\1', '(?>a+)b', 'a++', 'a{,2}', '\\G.', '[[:alpha:]]+', '(?m:.)', '(?x) a b ', '\\S+\\s?']
const LITERALS = [' ', '\u2581', 'a', 'b', 'ab', '', '.', '--', '\n', 'é', '  ', "n't", '<', '中']

const EMPTY = new Set(['(?=(\\d{3})+(?!\\d))', '\\b', '^', '$', 'a*', 'a{,2}'])

const pattern = (r, regexes = REGEXES, literals = LITERALS) => (r.chance(0.5) ? { String: r.pick(literals) } : { Regex: r.pick(regexes) })
const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']
const bool = (r) => r.chance(0.5)
const metaspace = (r) => ({ type: 'Metaspace', replacement: r.pick(['\u2581', '\u2581', '\u2581', '_', 'é']), prepend_scheme: r.pick(['always', 'first', 'never']), split: bool(r) })
const byteLevel = (r) => ({ type: 'ByteLevel', add_prefix_space: bool(r), trim_offsets: bool(r), use_regex: bool(r) })

export const NORMALIZERS = {
  NFC: () => ({}), NFD: () => ({}), NFKC: () => ({}), NFKD: () => ({}), Lowercase: () => ({}), StripAccents: () => ({}), Nmt: () => ({}), ByteLevel: () => ({}),
  Strip: (r) => ({ strip_left: bool(r), strip_right: bool(r) }),
  // Matches of nothing, and nothing prepended, end the reference's process.
  Replace: (r) => ({ pattern: pattern(r, REGEXES.filter((x) => !EMPTY.has(x)), LITERALS.filter(Boolean)), content: r.pick(['', ' ', '\u2581', 'x', 'aé', '中', '\u0301']) }),
  Prepend: (r) => ({ prepend: r.pick(['\u2581', ' ', 'a', 'é>']) }),
  BertNormalizer: (r) => ({ clean_text: bool(r), handle_chinese_chars: bool(r), strip_accents: r.pick([null, true, false]), lowercase: bool(r) }),
}
export const PRETOKENIZERS = {
  BertPreTokenizer: () => ({}), Whitespace: () => ({}), WhitespaceSplit: () => ({}), UnicodeScripts: () => ({}),
  ByteLevel: byteLevel, Metaspace: metaspace,
  CharDelimiterSplit: (r) => ({ delimiter: r.pick([' ', 'a', '\u2581', 'é', '中']) }),
  Split: (r) => ({ pattern: pattern(r), behavior: r.pick(BEHAVIORS), invert: bool(r) }),
  Punctuation: (r) => ({ behavior: r.pick(BEHAVIORS) }),
  Digits: (r) => ({ individual_digits: bool(r) }),
  FixedLength: (r) => ({ length: r.pick([1, 2, 3, 5, 10]) }),
}
export const DECODERS = {
  ByteLevel: byteLevel, Metaspace: metaspace, ByteFallback: () => ({}), Fuse: () => ({}),
  WordPiece: (r) => ({ prefix: r.pick(['##', '', 'a']), cleanup: bool(r) }),
  BPEDecoder: (r) => ({ suffix: r.pick(['</w>', '', 'e']) }),
  // A token that both ends would strip ends the reference's process.
  Strip: (r) => ({ content: r.pick([' ', '\u2581', 'a', 'é']), ...r.pick([{ start: r.below(3), stop: 0 }, { start: 0, stop: r.below(3) }]) }),
  Replace: (r) => ({ pattern: pattern(r), content: r.pick(['', ' ', 'x', 'é']) }),
  CTC: (r) => ({ pad_token: r.pick(['<pad>', 'a', '']), word_delimiter_token: r.pick(['|', 'e', '\u2581']), cleanup: bool(r) }),
}

function choose(r, kinds, sequence, list, few = 4) {
  const one = () => {
    const type = r.pick(Object.keys(kinds))
    return { type, ...kinds[type](r) }
  }
  const k = r.below(10)
  if (k < 2) return null
  if (k < 6) return one()
  return { type: sequence, [list]: Array.from({ length: r.below(few) }, () => (r.chance(0.05) ? { type: sequence, [list]: [one(), one()] } : one())) }
}

// ---- models

// Characters as the model will see them.
function alphabet(r, space) {
  const chars = new Set()
  for (let i = 10 + r.below(40); i > 0; i--) chars.add(r.pick(CHARS))
  if (space === 'bytes') return [...new Set([...chars].flatMap((c) => [...Buffer.from(c)].map(stand)))]
  if (space === 'metaspace') chars.add('\u2581')
  return [...chars]
}

const stand = (() => {
  const table = []
  for (let b = 0, next = 256; b < 256; b++) table.push(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++))
  return (b) => table[b]
})()

const hex = (b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`

function numbered(r, tokens) {
  const unique = [...new Set(tokens)].filter((t) => t !== '')
  if (r.chance(0.3)) for (let i = unique.length - 1; i > 0; i--) { const j = r.below(i + 1); [unique[i], unique[j]] = [unique[j], unique[i]] }
  const gap = r.chance(0.1) ? 1 + r.below(3) : 1
  return Object.fromEntries(unique.map((t, i) => [t, i * gap]))
}

function bpe(r, space) {
  const chars = alphabet(r, space)
  const prefix = r.chance(0.12) ? r.pick(['##', '@']) : r.pick([null, null, ''])
  const suffix = r.chance(0.12) ? r.pick(['</w>', '_']) : r.pick([null, null, ''])
  const unk = r.chance(0.4) ? r.pick(['<unk>', '[UNK]', 'a']) : null
  const tokens = [...chars]
  if (prefix) tokens.push(...chars.map((c) => prefix + c))
  if (suffix) tokens.push(...chars.map((c) => c + suffix), ...(prefix ? chars.map((c) => prefix + c + suffix) : []))
  const merges = []
  const seen = new Set()
  for (let i = r.below(80); i > 0; i--) {
    const [a, b] = [r.pick(tokens), r.pick(tokens)]
    if (prefix && b.startsWith(prefix) === false) continue
    const both = a + (prefix ? b.slice(prefix.length) : b)
    if (both.length > 24 || seen.has(a + '\0' + b)) continue
    seen.add(a + '\0' + b)
    merges.push([a, b])
    tokens.push(both)
  }
  if (r.chance(0.2)) for (let i = merges.length - 1; i > 0; i--) { const j = r.below(i + 1); [merges[i], merges[j]] = [merges[j], merges[i]] }
  const fallback = r.chance(0.4)
  if (fallback) for (let b = 0; b < 256; b++) if (r.chance(0.97) || b < 4) tokens.push(hex(b))
  if (unk && r.chance(0.9)) tokens.unshift(unk)
  if (r.chance(0.3)) tokens.push(...WORDS.slice(0, 12))
  const text = merges.every(([a, b]) => !a.includes(' ') && !b.includes(' ')) && r.chance(0.4)
  return { type: 'BPE', dropout: null, unk_token: unk, continuing_subword_prefix: prefix, end_of_word_suffix: suffix, fuse_unk: bool(r), byte_fallback: fallback, ignore_merges: r.chance(0.3),
    vocab: numbered(r, tokens), merges: text ? merges.map((m) => m.join(' ')) : merges }
}

function substrings(r, chars, n) {
  return Array.from({ length: n }, () => (r.chance(0.4) ? r.pick(WORDS) : Array.from({ length: 1 + r.below(4) }, () => r.pick(chars)).join('')))
}

function wordPiece(r, space) {
  const chars = alphabet(r, space)
  const prefix = r.pick(['##', '##', '##', '', '@'])
  const parts = [...chars, ...substrings(r, chars, 60)]
  return { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: prefix, max_input_chars_per_word: r.pick([100, 100, 5, 1, 20]),
    vocab: numbered(r, [...(r.chance(0.95) ? ['[UNK]'] : []), ...parts.filter(() => r.chance(0.8)), ...parts.filter(() => r.chance(0.7)).map((p) => prefix + p)]) }
}

function unigram(r, space) {
  const chars = alphabet(r, space)
  const fallback = r.chance(0.3)
  const tokens = new Set(['<unk>', ...chars.filter(() => r.chance(0.85)), ...substrings(r, chars, 60), ...substrings(r, chars, 10).map((t) => '\u2581' + t)])
  if (fallback) for (let b = 0; b < 256; b++) if (r.chance(0.99)) tokens.add(hex(b))
  tokens.delete('')
  const score = () => (r.chance(0.2) ? -r.below(8) : -Math.round(r() * 1e6) / 1e5)
  return { type: 'Unigram', unk_id: r.chance(0.85) ? r.below(3) : null, byte_fallback: fallback, vocab: [...tokens].map((t) => [t, score()]) }
}

function wordLevel(r, space) {
  const chars = alphabet(r, space)
  return { type: 'WordLevel', unk_token: '<unk>', vocab: numbered(r, [...(r.chance(0.85) ? ['<unk>'] : []), ...chars, ...substrings(r, chars, 40)]) }
}

export const MODELS = { BPE: bpe, WordPiece: wordPiece, Unigram: unigram, WordLevel: wordLevel }

// ---- around the model

function added(r, model) {
  const vocab = Array.isArray(model.vocab) ? Object.fromEntries(model.vocab.map(([t], i) => [t, i])) : model.vocab
  let next = Math.max(-1, ...Object.values(vocab)) + 1
  const names = r.chance(0.25) ? [] : Array.from({ length: r.below(8) }, () => r.pick(['<s>', '</s>', '<unk>', '[CLS]', '[SEP]', '[MASK]', '<|x|>', '<|xy|>', '<|', 'a', 'ab', 'the', ' the', 'The', 'é', '中', '  ', '\n', '12', '...', 'e\u0301', '\u2581the', 'don', '<s', 's>', ...Object.keys(vocab).slice(0, 5)]))
  return [...new Set(names)].map((content) => ({ id: vocab[content] ?? next++, content, single_word: r.chance(0.2), lstrip: r.chance(0.25), rstrip: r.chance(0.25), normalized: bool(r), special: r.chance(0.6) }))
    .sort((a, b) => a.id - b.id)
}

// Two that put tokens end the reference's process.
const PLACES = new Set(['TemplateProcessing', 'BertProcessing', 'RobertaProcessing'])

function postProcessor(r, model, addedTokens) {
  const vocab = Array.isArray(model.vocab) ? model.vocab.map(([t], i) => [t, i]) : Object.entries(model.vocab)
  const token = () => (addedTokens.length && r.chance(0.7) ? ((t) => [t.content, t.id])(r.pick(addedTokens)) : r.pick(vocab))
  const template = () => {
    const specials = Object.fromEntries(Array.from({ length: 1 + r.below(3) }, () => {
      const ids = Array.from({ length: r.chance(0.8) ? 1 : 2 }, token)
      return [ids[0][0], { id: ids[0][0], ids: ids.map((t) => t[1]), tokens: ids.map((t) => t[0]) }]
    }))
    const one = () => ({ SpecialToken: { id: r.pick(Object.keys(specials)), type_id: r.below(3) } })
    const some = () => Array.from({ length: r.below(3) }, one)
    const sequence = (id) => ({ Sequence: { id, type_id: r.below(3) } })
    const swap = r.chance(0.2)
    return { type: 'TemplateProcessing', single: [...some(), sequence('A'), ...some()], pair: [...some(), sequence(swap ? 'B' : 'A'), ...some(), sequence(swap ? 'A' : 'B'), ...some()], special_tokens: specials }
  }
  const one = () => r.pick([template, template, () => ({ type: 'BertProcessing', sep: token(), cls: token() }), () => ({ type: 'RobertaProcessing', sep: token(), cls: token(), trim_offsets: bool(r), add_prefix_space: bool(r) }), () => byteLevel(r)])()
  const k = r.below(10)
  if (k < 3) return null
  return k < 8 ? one() : { type: 'Sequence', processors: Array.from({ length: r.below(4) }, one).filter((p, i, all) => i === all.findIndex((q) => PLACES.has(q.type)) || !PLACES.has(p.type)) }
}

function truncation(r) {
  const max_length = r.pick([1, 2, 3, 5, 8, 20])
  return { direction: r.pick(['Left', 'Right']), max_length, strategy: r.pick(['LongestFirst', 'OnlyFirst', 'OnlySecond']), stride: max_length === 20 ? r.below(3) : 0 }
}

const padding = (r) => ({ strategy: r.pick(['BatchLongest', { Fixed: r.pick([4, 10, 30]) }]), direction: r.pick(['Left', 'Right']), pad_to_multiple_of: r.pick([null, null, 3, 8]), pad_id: r.below(4), pad_type_id: r.below(2), pad_token: '[PAD]' })

// Now and then something the library must refuse, or must put up with.
function damage(r, json) {
  const part = r.pick(['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model', 'truncation', 'added_tokens'])
  const object = part === 'added_tokens' ? r.pick(json.added_tokens.length ? json.added_tokens : [json.model]) : json[part]
  if (!object) return
  const keys = Object.keys(object)
  const key = r.pick(keys)
  r.pick([
    () => delete object[key], () => { object[key] = null }, () => { object[key] = 7 }, () => { object[key] = 'x' }, () => { object[key] = [] }, () => { object.extra = 1 }, () => { object[key] = true }, () => { object[key] = -1 }, () => { object.type = 'NoSuch' },
  ])()
}

export function tokenizer(seed) {
  const r = random(seed)
  const space = r.pick(SPACE)
  const kind = r.pick(['BPE', 'BPE', 'BPE', 'WordPiece', 'Unigram', 'Unigram', 'WordLevel'])
  const model = MODELS[kind](r, space)
  const tokens = added(r, model)
  let normalizer = choose(r, NORMALIZERS, 'Sequence', 'normalizers')
  let pre_tokenizer = choose(r, PRETOKENIZERS, 'Sequence', 'pretokenizers')
  let decoder = choose(r, DECODERS, 'Sequence', 'decoders', 5)
  // Half of the time what fits the vocabulary, so that the ways made for it are taken.
  if (space === 'bytes' && bool(r)) {
    pre_tokenizer = r.pick([byteLevel(r), { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: r.pick(REGEXES) }, behavior: r.pick(BEHAVIORS), invert: bool(r) }, { ...byteLevel(r), use_regex: false }] }])
    decoder = byteLevel(r)
    normalizer = r.pick([null, { type: 'NFC' }, normalizer])
  } else if (space === 'metaspace' && bool(r)) {
    if (bool(r)) {
      pre_tokenizer = metaspace(r)
      decoder = { ...pre_tokenizer }
    } else {
      normalizer = { type: 'Sequence', normalizers: [...(bool(r) ? [{ type: 'Prepend', prepend: '\u2581' }] : []), { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }] }
      pre_tokenizer = null
      decoder = { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] }
    }
  }
  const json = { version: '1.0', truncation: r.chance(0.1) ? truncation(r) : null, padding: r.chance(0.1) ? padding(r) : null, added_tokens: tokens, normalizer, pre_tokenizer, post_processor: postProcessor(r, model, tokens), decoder, model }
  if (r.chance(0.08)) damage(r, json)
  return { json, names: tokens.map((t) => t.content), vocab: Array.isArray(model.vocab) ? model.vocab.map((v) => v?.[0] ?? '') : Object.keys(model.vocab ?? {}) }
}
