// stages.mjs DRIVER DIR [--all | --chance] [--seed N] [--cases N]: what happens to a text before the model.
// The model is a BPE of single bytes, so that an encoding shows the normalized text byte by byte, with
// the place each came from and the piece it is in. Every component is given every code point
// (--all; else those below U+33480 and the tags; --chance: none), then texts by chance, in which characters that
// normalization, clusters and scripts care about are frequent. DIR is what install filled.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Driver, Reference, ENCODE, encodeRequest, explain, minimise, parseEncodings, random, same } from './oracle.mjs'
import { charsmap } from './charsmap.mjs'

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: 'boolean' }, chance: { type: 'boolean' }, seed: { type: 'string', default: '1' }, cases: { type: 'string', default: '6000' } } })
const [program, dir] = positionals
const modules = path.join(dir, 'node_modules')

const hex = (b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`
const vocab = Object.fromEntries(Array.from({ length: 256 }, (_, b) => [hex(b), b]))
const tokenizer = (normalizer, pre_tokenizer, added_tokens = []) => JSON.stringify({
  version: '1.0', truncation: null, padding: null, added_tokens, normalizer, pre_tokenizer, post_processor: null, decoder: null,
  model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: true, ignore_merges: false, vocab, merges: [] } })

const sequence = (list, type, key) => (list.length === 1 ? list[0] : list.length ? { type, [key]: list } : null)
const MAP = charsmap({ a: 'X', '\u0301': '', '\u0300': '', '\r': ' ', '\n': ' ', '\t': ' ', '\u00a0': ' ', '\u3000': ' ', ﬁ: 'fi', '①': '1', '\u1100\u1161': '가', 'e\u0301': 'é', '\u200d': '', '👩': '', '㍿': '株式会社', 'क': 'ka', '\u0600': '##' })

const NORMALIZERS = {
  NFC: [{ type: 'NFC' }], NFD: [{ type: 'NFD' }], NFKC: [{ type: 'NFKC' }], NFKD: [{ type: 'NFKD' }], Lowercase: [{ type: 'Lowercase' }], StripAccents: [{ type: 'StripAccents' }], Nmt: [{ type: 'Nmt' }], ByteLevel: [{ type: 'ByteLevel' }],
  Strip: [{ type: 'Strip', strip_left: true, strip_right: true }], Prepend: [{ type: 'Prepend', prepend: '\u2581x' }], Replace: [{ type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }], ReplaceRegex: [{ type: 'Replace', pattern: { Regex: '\\s+' }, content: '' }],
  clean: [{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: false, strip_accents: false, lowercase: false }], chinese: [{ type: 'BertNormalizer', clean_text: false, handle_chinese_chars: true, strip_accents: false, lowercase: false }],
  accents: [{ type: 'BertNormalizer', clean_text: false, handle_chinese_chars: false, strip_accents: true, lowercase: false }], bert: [{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }],
  Precompiled: [{ type: 'Precompiled', precompiled_charsmap: MAP }],
}
const PRETOKENIZERS = {
  BertPreTokenizer: { type: 'BertPreTokenizer' }, Whitespace: { type: 'Whitespace' }, WhitespaceSplit: { type: 'WhitespaceSplit' }, UnicodeScripts: { type: 'UnicodeScripts' },
  ByteLevel: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true }, bytes: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  always: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }, first: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: true }, never: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never', split: false },
  Punctuation: { type: 'Punctuation', behavior: 'Isolated' }, contiguous: { type: 'Punctuation', behavior: 'Contiguous' }, next: { type: 'Punctuation', behavior: 'MergedWithNext' }, previous: { type: 'Punctuation', behavior: 'MergedWithPrevious' },
  Digits: { type: 'Digits', individual_digits: false }, digit: { type: 'Digits', individual_digits: true }, CharDelimiterSplit: { type: 'CharDelimiterSplit', delimiter: '中' }, FixedLength: { type: 'FixedLength', length: 3 },
}
const token = (id, content, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false, ...more })
// No two that normalize to the same: which of those the reference finds is left to chance there.
const ADDED = [
  [], [token(256, '<s>')], [token(256, 'ab', { single_word: true }), token(257, 'abc')], [token(256, '<m>', { lstrip: true, rstrip: true }), token(257, ' ')],
  [token(256, 'É', { normalized: true }), token(257, 'u\u0308', { normalized: true, lstrip: true }), token(258, '中', { special: true })],
]

const COMMON = [...'aAbceE1 .,<s>m', '  ', '<s>', '<m>', 'ab', 'abc', ' ', '\t', '\r\n', '\n', '中', '国', 'é', 'İ', 'Σ']
const RANGES = [[0x300, 0x34f], [0x300, 0x315], [0x1100, 0x1112], [0x1161, 0x1175], [0x11a8, 0x11c2], [0xac00, 0xd7a3], [0xac00, 0xac40], [0x900, 0x97f], [0xb80, 0xdff], [0xe00, 0xeff], [0xf71, 0xf84], [0x600, 0x61f], [0x1e00, 0x1fff], [0x2000, 0x206f], [0x2100, 0x218f], [0x3040, 0x30ff], [0x3300, 0x33ff], [0xf900, 0xfaff], [0xfb00, 0xfbff], [0xfe00, 0xfe2f], [0xff00, 0xffef], [0x1d15e, 0x1d172], [0x1f1e6, 0x1f1ff], [0x1f3fb, 0x1f3ff], [0x1f466, 0x1f469], [0x200c, 0x200d], [0x2f800, 0x2fa1d], [0xe0020, 0xe007f], [0x1d400, 0x1d7ff], [0x591, 0x5f4], [0x6d6, 0x6ed], [0x1ab0, 0x1aff], [0x11000, 0x11500]]

function chance(r) {
  let out = ''
  for (let n = r.pick([1, 2, 3, 5, 8, 30, 100]); n > 0; n--) {
    const k = r.below(10)
    if (k < 3) out += r.pick(COMMON)
    else if (k < 9) {
      const [a, b] = r.pick(RANGES)
      for (let m = r.pick([1, 1, 1, 2, 4, 30]); m > 0; m--) out += String.fromCodePoint(a + r.below(b - a + 1))
    } else {
      const c = r.below(0x110000)
      out += c >= 0xd800 && c < 0xe000 ? '' : String.fromCodePoint(c)
    }
  }
  return out
}

function* scalars() {
  let out = ''
  for (let c = 0, n = 0; c < 0x110000; c++) {
    if (c >= 0xd800 && c < 0xe000) continue
    if (!flags.all && c >= 0x33480 && !(c >= 0xe0000 && c < 0xe0200)) continue
    const s = String.fromCodePoint(c)
    out += `a${s}1${s}a${s}${s} ` // behind a letter, a digit, itself and before a space
    if (++n % 512 === 0) { yield out; out = '' }
  }
  yield out
}

const driver = new Driver(program)
const counts = { cases: 0, failed: 0 }
async function compare(name, json, texts) {
  const reference = new Reference(modules, json)
  const opened = await driver.open(json)
  if (opened.failed) { console.log(`${name}: ${opened.error}`); counts.failed++; return }
  for (const text of texts) {
    const differs = async (t) => {
      const [a, b] = [await reference.encode([Buffer.from(t)]), await driver.ask(ENCODE, encodeRequest([Buffer.from(t)]))]
      return same(a, b) ? null : explain(a, b)
    }
    counts.cases++
    if (!(await differs(text))) continue
    if (counts.failed++ > 20) continue
    const least = (await minimise([...text], async (t) => (await differs(t.join(''))) !== null, 300)).join('')
    console.log(`${name}: ${JSON.stringify(least)} ${JSON.stringify(await differs(least))}`)
    console.log(`    reference ${JSON.stringify(parseEncodings((await reference.encode([Buffer.from(least)])).body)[0]?.offsets?.slice(0, 12))}`)
    if (driver.dead) await driver.again()
  }
}

for (const [name, list] of flags.chance ? [] : Object.entries(NORMALIZERS)) await compare(name, tokenizer(sequence(list, 'Sequence', 'normalizers'), null), scalars())
for (const [name, pre] of flags.chance ? [] : Object.entries(PRETOKENIZERS)) await compare(name, tokenizer(null, pre), scalars())

const r = random(Number(flags.seed))
for (let n = Number(flags.cases) / 40; n > 0; n--) {
  const some = (kinds) => Array.from({ length: r.pick([0, 1, 1, 2, 3]) }, () => { const k = r.pick(Object.keys(kinds)); return [k, kinds[k]] })
  const [a, b] = [some(NORMALIZERS), some(PRETOKENIZERS)]
  const added = r.pick(ADDED)
  const json = tokenizer(sequence(a.flatMap((x) => x[1]), 'Sequence', 'normalizers'), sequence(b.map((x) => x[1]), 'Sequence', 'pretokenizers'), added)
  await compare(`${a.map((x) => x[0])} | ${b.map((x) => x[0])} | ${added.map((t) => t.content)}`, json, Array.from({ length: 40 }, () => chance(r)))
}
await driver.stop()
console.log(`${counts.cases} texts, ${counts.failed} differ`)
process.exit(counts.failed ? 1 : 0)
