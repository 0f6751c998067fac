// Golden cases for tests/unit/test_{encode,decode,truncation}.c: small synthetic tokenizers, and what
// the npm package tokenizers@0.23.2 makes of them.
//
//     npm install --ignore-scripts --omit=optional tokenizers@0.23.2
//     node scripts/golden_tokenizers.mjs node_modules/tokenizers > tests/data/tokenizers/golden.json
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)
const { Tokenizer } = require(path.resolve(process.argv[2]))

let seed = 20
const below = (n) => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return Math.floor(seed / 65536) % n
}
const pick = (list) => list[below(list.length)]

const token = (id, type_id = 0) => ({ SpecialToken: { id, type_id } })
const sequence = (id, type_id = 0) => ({ Sequence: { id, type_id } })
const special_tokens = Object.fromEntries(
  [['[C]', [10]], ['[S]', [11]], ['[D]', [10, 11]]].map(([id, ids]) => [id, { id, ids, tokens: ids.map((i) => '[' + i + ']') }]))
const template = (single, pair) => ({ type: 'TemplateProcessing', single, pair, special_tokens })
const ends = { sep: ['[S]', 11], cls: ['[C]', 10] }
const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
const bert = { type: 'BertProcessing', ...ends }
const roberta = { type: 'RobertaProcessing', ...ends, trim_offsets: true, add_prefix_space: true }
const usual = template([token('[C]'), sequence('A', 2), token('[S]', 3)],
  [token('[C]'), sequence('A', 2), token('[S]', 3), sequence('B', 4), token('[S]', 5)])
const twice = template([token('[D]'), sequence('A', 1), token('[S]', 3), sequence('A', 2)],
  [sequence('B', 1), token('[D]', 6), sequence('A', 0)])
const only_tokens = template([token('[D]')], [sequence('A', 1), sequence('B', 0)])
const posts = [null, usual, twice, only_tokens, bert, roberta, byteLevel,
  { type: 'Sequence', processors: [byteLevel, usual] }, { type: 'Sequence', processors: [bert, roberta] }]

const added = (id, content, special) =>
  ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special })
const make = (fields, vocab, merges = []) => ({
  version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' }, post_processor: null, decoder: null,
  model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
    fuse_unk: false, byte_fallback: false, vocab, merges },
  ...fields,
})

const describe = (e) => ({
  ids: e.getIds(), type_ids: e.getTypeIds(), words: e.getWordIds().map((w) => w ?? -1),
  offsets: e.getOffsets().flat(), special: e.getSpecialTokensMask(), attention: e.getAttentionMask(),
  sequences: e.getSequenceIds().map((s) => s ?? -1),
})

const texts = ['a bceae d', 'e dbe aa', 'a', '', '<m> b', 'a <m><m>bc d', 'eeeeeeee dddd', 'a eeeeeeeeeeeedcba', 'a b c d e a b c d e',
  'aécab é b', '<m>']
const vocab = { a: 0, b: 1, c: 2, d: 3, e: 4, ab: 5, cd: 6, 'é': 8, x: 9, '[C]': 10, '[S]': 11, '<m>': 7 }

const encodeCase = async (truncated) => {
  // A stride that leaves no room kills the reference's process: only where it surely fits.
  const stride = below(3) ? 0 : 1
  const truncation = truncated ? { direction: pick(['Right', 'Left']), max_length: stride ? 12 + below(4) : below(12),
    strategy: stride ? 'LongestFirst' : pick(['LongestFirst', 'OnlyFirst', 'OnlySecond']), stride } : null
  const padding = below(3) ? null : { direction: pick(['Right', 'Left']), strategy: pick(['BatchLongest', { Fixed: below(9) }]),
    pad_to_multiple_of: pick([null, 1, 3, 4]), pad_id: 4, pad_type_id: 7, pad_token: 'e' }
  const tokenizer = make({ post_processor: pick(posts), truncation, padding, added_tokens: [added(7, '<m>', true)] },
    vocab, [['a', 'b'], ['c', 'd']])
  const text = pick(texts)
  const pair = below(2) ? pick(texts) : null
  const specials = below(4) > 0
  const result = { tokenizer: JSON.stringify(tokenizer), text, pair, specials }
  try {
    const e = await Tokenizer.fromString(result.tokenizer).encode(text, pair, { addSpecialTokens: specials })
    result.encodings = [e, ...e.getOverflowing()].map(describe)
  } catch {
    result.encodings = null
  }
  return result
}

const tokens = ['a', '▁b', '▁', '▁▁c', '##d', '##', '<0xE2>', '<0x96>', '<0x81>', '<0x41>', '<0x+f>', '<0xFF>', 'Ġhello',
  'Ã©', 'Ã', '©', 'âĢ', 'Ļs', 'é', '.', ' .', " n't", '▁.', '?', 'do', '▁do', 'not', '</w>', 'e</w>', 'f</w>g', '|',
  '<pad>', '<pad>x', 'ĊĠ', '日', '本▁', '\n', '  ', "n't", "'s"]
const decoder = () => pick([
  byteLevel, { type: 'WordPiece', prefix: pick(['##', '']), cleanup: pick([true, false]) },
  { type: 'Metaspace', replacement: '▁', prepend_scheme: pick(['always', 'first', 'never']), split: true },
  { type: 'BPEDecoder', suffix: pick(['</w>', 'e']) }, { type: 'ByteFallback' }, { type: 'Fuse' },
  { type: 'Strip', content: pick(['▁', ' ', 'a']), start: below(3), stop: 0 },
  { type: 'Replace', pattern: pick([{ String: '▁' }, { String: 'a' }, { Regex: '[a-c]+' }, { Regex: '\\s*' }]), content: pick([' ', '', 'zz']) },
  { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: pick([true, false]) },
])
const llama = { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] }

const decodeCase = async () => {
  const chain = pick([llama, null, decoder(), decoder(), { type: 'Sequence', decoders: Array.from({ length: below(4) }, decoder) }])
  const tokenizer = make({ decoder: chain, added_tokens: [added(tokens.length, '<s>', true), added(tokens.length + 1, 'né', false)] },
    Object.fromEntries(tokens.map((t, i) => [t, i])))
  const ids = Array.from({ length: 1 + below(12) }, () => below(tokens.length + 2))
  const skip = below(2) === 1
  const text = JSON.stringify(tokenizer)
  return { tokenizer: text, ids, skip, text: await Tokenizer.fromString(text).decode(ids, skip) }
}

const many = async (n, f) => {
  const list = []
  while (list.length < n) list.push(await f())
  return list
}
const lines = (list) => '[\n' + list.map((c) => JSON.stringify(c)).join(',\n') + '\n]'
console.log(`{"made_by": "scripts/golden_tokenizers.mjs", "reference": "tokenizers 0.23.2 (npm)",
"encode": ${lines(await many(60, () => encodeCase(false)))},
"truncate": ${lines(await many(150, () => encodeCase(true)))},
"decode": ${lines(await many(200, decodeCase))}}`)
