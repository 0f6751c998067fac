// formats.mjs DRIVER DIR [--only NAME] [--bytes N]: files that are no tokenizer.json against the libraries they
// were made for, over the same texts: SentencePiece's spm_encode, tiktoken, llama.cpp. Ids alone are
// compared, without special tokens. Where llama.cpp differs and the tokenizers library, given the same
// vocabulary, agrees with us, the difference is llama.cpp's own. Ends with counts as cmocka prints them.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { Driver, ENCODE, IDS, Reference, encodeRequest, minimise, random, readCorpus } from './oracle.mjs'

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' }, bytes: { type: 'string', default: '400000' }, tell: { type: 'string', default: '3' } } })
const [program, dir] = positionals
const modules = path.join(path.resolve(dir), 'formats', 'node_modules')
const require = createRequire(path.join(modules, 'formats.mjs'))
const total = { passed: 0, failed: 0, known: 0 }

// Documents that all of the other libraries can encode in reasonable time.
function texts(fit) {
  const files = fs.readdirSync(path.join(dir, 'corpora')).filter((f) => f.endsWith('.bin')).sort()
  return files.flatMap((file) => {
    const r = random(file.length * 31)
    const all = readCorpus(path.join(dir, 'corpora', file))
    const part = []
    for (let bytes = 0, tries = 0; bytes < Number(flags.bytes) / files.length && tries < 5000; tries++) {
      const text = fit(r.pick(all).subarray(0, 6000).toString().replace(/\ufffd$/, ''))
      if (!text) continue
      part.push(text)
      bytes += text.length
    }
    return part
  })
}

const hasRun = (text) => /(.)\1{200}/su.test(text)

async function ours(driver, text) {
  const answer = await driver.ask(ENCODE, encodeRequest([Buffer.from(text)], { flags: IDS }))
  if (answer.failed) return `error: ${answer.error}`
  return JSON.stringify(Array.from({ length: answer.body.length / 4 - 1 }, (_, i) => answer.body.readUInt32LE(4 * i + 4)))
}

async function theirs(reference, text) {
  const { failed, body } = await reference.encode([text], { flags: IDS })
  return failed ? 'error' : JSON.stringify(Array.from({ length: body.length / 4 - 1 }, (_, i) => body.readUInt32LE(4 * i + 4)))
}

// expected(texts): the ids of each, as JSON. library(): a Reference of the same vocabulary.
async function compare(name, files, list, expected, library = () => null) {
  if (flags.only && !name.startsWith(flags.only)) return
  const driver = new Driver(program)
  const opened = await driver.open(files)
  const count = { passed: 0, failed: 0, known: 0 }
  if (opened.failed) {
    count.failed = 1
    console.log(`* ${name}: ${opened.error}`)
  }
  let reference
  const want = opened.failed ? [] : await expected(list)
  for (let i = 0; i < want.length; i++) {
    if ((await ours(driver, list[i])) === want[i]) { count.passed++; continue }
    const differs = async (less) => (await ours(driver, less.join(''))) !== (await expected([less.join('')]))[0]
    if ((reference ??= library()) && (await theirs(reference, list[i])) === (await ours(driver, list[i]))) { count.known++; continue }
    const text = (await minimise([...list[i]], differs, 300)).join('')
    if (count.failed++ < Number(flags.tell)) console.log(`* ${name}: ${JSON.stringify(text).slice(0, 300)}\n    expected: ${(await expected([text]))[0].slice(0, 200)}\n    got: ${(await ours(driver, text)).slice(0, 200)}`)
  }
  await driver.stop()
  console.log(`${name}: ${count.passed} alike, ${count.known} as the library but not llama.cpp, ${count.failed} not`)
  for (const k of Object.keys(total)) total[k] += count[k]
}

// ---- SentencePiece: a line is a text

const lines = texts((t) => t.split('\n').map((l) => l.replace(/[\0\r]/g, '')).filter(Boolean).slice(0, 3).join(' ').slice(0, 1500))
const libraries = fs.readdirSync(path.join(dir, 'debian')).map((p) => path.join(path.resolve(dir), 'debian', p, 'usr/lib/x86_64-linux-gnu')).join(':')
function spm(model, list) {
  const out = execFileSync(path.join(dir, 'debian/sentencepiece/usr/bin/spm_encode'), [`--model=${model}`, '--output_format=id'],
    { input: list.join('\n') + '\n', env: { ...process.env, LD_LIBRARY_PATH: libraries }, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] })
  return out.toString().split('\n').slice(0, list.length).map((l) => JSON.stringify(l.split(' ').filter(Boolean).map(Number)))
}
for (const name of fs.readdirSync(path.join(dir, 'models')).filter((n) => n.startsWith('spm_'))) {
  const model = path.join(dir, 'models', name, 'tokenizer.model')
  await compare(name, { sentencepiece: fs.readFileSync(model) }, lines, (list) => spm(model, list))
}

// ---- tiktoken

const { get_encoding } = require('tiktoken')
const short = texts((t) => (hasRun(t) ? '' : t))
for (const name of ['cl100k_base', 'o200k_base', 'p50k_base', 'r50k_base']) {
  const data = require(`tiktoken/encoders/${name}.json`)
  const file = data.bpe_ranks.split('\n').filter(Boolean).flatMap((line) => {
    const [, first, ...tokens] = line.split(' ')
    return tokens.map((t, i) => `${t} ${Number(first) + i}\n`)
  }).join('')
  const encoding = get_encoding(name)
  await compare(`tiktoken_${name}`, { tiktoken: file }, short, (list) => list.map((t) => JSON.stringify(Array.from(encoding.encode_ordinary(t)))))
  encoding.free()
}

// ---- slow files beside their tokenizer.json: what transformers would convert

const fast = (name) => JSON.parse(fs.readFileSync(path.join(dir, 'models', name, 'tokenizer.json'), 'utf8'))
const pairs = {
  gpt2: ({ model }) => ({ vocab_json: JSON.stringify(model.vocab), merges_txt: '#version: 0.2\n' + model.merges.map((m) => (Array.isArray(m) ? m.join(' ') : m)).join('\n') + '\n', tokenizer_config: '{"tokenizer_class":"GPT2Tokenizer"}' }),
  bert_uncased: ({ model }) => ({ vocab_txt: Object.entries(model.vocab).sort((a, b) => a[1] - b[1]).map(([t]) => t).join('\n') + '\n', tokenizer_config: '{"tokenizer_class":"BertTokenizer","do_lower_case":true}' }),
  tekken: ({ model, pre_tokenizer, added_tokens }) => ({ tekken: JSON.stringify({
    config: { pattern: pre_tokenizer.pretokenizers[0].pattern.Regex, default_vocab_size: Object.keys(model.vocab).length + added_tokens.length, default_num_special_tokens: added_tokens.length },
    vocab: Object.entries(model.vocab).map(([t, id]) => ({ rank: id - added_tokens.length, token_bytes: Buffer.from([...t].map(byteOf)).toString('base64') })).sort((a, b) => a.rank - b.rank) }) }),
}
const stands = new Map()
for (let b = 0, next = 256; b < 256; b++) stands.set(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++), b)
const byteOf = (c) => stands.get(c)
for (const [name, files] of Object.entries(pairs)) {
  if (flags.only && !`slow_${name}`.startsWith(flags.only)) continue
  const reference = new Reference(path.join(dir, 'node_modules'), JSON.stringify(fast(name)))
  await compare(`slow_${name}`, files(fast(name)), short, (list) => Promise.all(list.map((t) => theirs(reference, t))))
}

// ---- GGUF: the vocabularies that llama.cpp tests itself with

const { getLlama, readGgufFileInfo } = await import(path.join(modules, 'node-llama-cpp/dist/index.js'))
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'fatal' })
const folder = path.join(dir, 'formats/llama.cpp/models')
const refused = { 'gemma-4': '"gemma4" is not supported' }

const split = (Regex) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })
const byteLevel = (use_regex) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex })
const digits = { type: 'Digits', individual_digits: true }
const bpePieces = {
  falcon: [split('[\\p{P}\\$\\+<=>\\^~\\|`]+'), split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"), split('[0-9][0-9][0-9]'), byteLevel(false)],
  refact: [digits, byteLevel(true)],
  starcoder: [digits, byteLevel(true)],
}

// The library's tokenizer of a vocabulary, for those where a difference is known.
function sameVocabulary({ ggml }) {
  const json = { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  const vocab = (spell) => Object.fromEntries(ggml.tokens.map((t, id) => [spell(t), id]))
  if (ggml.model === 'bert') {
    const spell = (t) => (t.startsWith('\u2581') ? t.slice(1) : /^\[.*\]$/.test(t) ? t : '##' + t)
    json.normalizer = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }
    json.pre_tokenizer = { type: 'BertPreTokenizer' }
    json.model = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: vocab(spell) }
  } else if (bpePieces[ggml.pre]) {
    json.pre_tokenizer = { type: 'Sequence', pretokenizers: bpePieces[ggml.pre] }
    json.model = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: vocab((t) => t), merges: ggml.merges }
  } else if (ggml.model === 't5') {
    const metaspace = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }
    json.normalizer = { type: 'Sequence', normalizers: [
      { type: 'Precompiled', precompiled_charsmap: Buffer.from(Uint8Array.from(ggml.precompiled_charsmap)).toString('base64') },
      { type: 'Strip', strip_left: false, strip_right: true },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '\u2581' }] }
    json.pre_tokenizer = metaspace
    json.model = { type: 'Unigram', unk_id: ggml.unknown_token_id, byte_fallback: false, vocab: ggml.tokens.map((t, i) => [t, ggml.scores[i]]) }
  } else return null
  return new Reference(path.join(dir, 'node_modules'), JSON.stringify(json))
}

for (const file of fs.readdirSync(folder).filter((f) => /^ggml-vocab-.*\.gguf$/.test(f)).sort()) {
  const name = path.parse(file).name.slice('ggml-vocab-'.length)
  if (flags.only && !`gguf_${name}`.startsWith(flags.only)) continue
  const gguf = fs.readFileSync(path.join(folder, file))
  if (refused[name]) {
    const driver = new Driver(program)
    const { failed, error } = await driver.open({ gguf })
    const ok = failed && error.includes(refused[name])
    total[ok ? 'passed' : 'failed']++
    console.log(`gguf_${name}: ${failed ? error : 'loads'}`)
    await driver.stop()
    continue
  }
  const { metadata } = await readGgufFileInfo(path.join(folder, file))
  const model = await llama.loadModel({ modelPath: path.join(folder, file), vocabOnly: true })
  await compare(`gguf_${name}`, { gguf }, short, (list) => list.map((t) => JSON.stringify(Array.from(model.tokenize(t, false)))), () => sameVocabulary(metadata.tokenizer))
  await model.dispose()
}

console.log(`[  PASSED  ] ${total.passed + total.known} test(s).`)
console.log(`[  FAILED  ] ${total.failed} test(s).`)
process.exit(total.failed || !total.passed ? 1 : 0)
