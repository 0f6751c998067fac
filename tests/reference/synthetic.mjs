// synthetic.mjs DIR: writes DIR/models/synthetic_<what>, real vocabularies with a component or an option swapped
// for one that no real model has, so that every component meets every text.
import fs from 'node:fs'
import path from 'node:path'

const dir = path.join(process.argv[2], 'models')
const base = (name) => JSON.parse(fs.readFileSync(path.join(dir, name, 'tokenizer.json'), 'utf8'))

function write(name, json) {
  const folder = path.join(dir, `synthetic_${name}`)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(json))
}

const bert = (patch) => ({ ...base('bert_uncased'), ...patch })
const gpt2 = (patch) => ({ ...base('gpt2'), ...patch })
const unigram = (patch) => ({ ...base('spm_unigram'), ...patch })
const metaspace = (prepend_scheme, split) => ({ type: 'Metaspace', replacement: '\u2581', prepend_scheme, split })
const sequence = (kind, list) => ({ type: 'Sequence', [kind]: list })
const split = (pattern, behavior, invert = false) => ({ type: 'Split', pattern, behavior, invert })

// ---- normalizers

for (const type of ['NFD', 'NFKC', 'NFKD', 'Nmt', 'StripAccents', 'Lowercase']) write(`normalize_${type}`, gpt2({ normalizer: { type } }))
write('normalize_all', gpt2({ normalizer: sequence('normalizers', [{ type: 'Nmt' }, { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: true }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'NFKC' }]) }))
write('normalize_bytelevel', gpt2({ normalizer: sequence('normalizers', [{ type: 'NFC' }, { type: 'ByteLevel' }]), pre_tokenizer: null }))
write('normalize_bert_cased', bert({ normalizer: { type: 'BertNormalizer', clean_text: false, handle_chinese_chars: false, strip_accents: true, lowercase: false } }))

// ---- pre-tokenizers

for (const type of ['Whitespace', 'WhitespaceSplit', 'UnicodeScripts']) write(`split_${type}`, bert({ pre_tokenizer: { type } }))
write('split_delimiter', bert({ pre_tokenizer: { type: 'CharDelimiterSplit', delimiter: 'e' } }))
write('split_fixed', gpt2({ pre_tokenizer: sequence('pretokenizers', [{ type: 'FixedLength', length: 5 }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }]) }))
for (const behavior of ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']) {
  write(`split_punctuation_${behavior}`, bert({ pre_tokenizer: sequence('pretokenizers', [{ type: 'WhitespaceSplit' }, { type: 'Punctuation', behavior }, { type: 'Digits', individual_digits: behavior === 'Isolated' }]) }))
  write(`split_regex_${behavior}`, gpt2({ pre_tokenizer: sequence('pretokenizers', [split({ Regex: '\\w+|[^\\w\\s]' }, behavior, behavior === 'Removed'), split({ String: ' ' }, behavior), { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: behavior !== 'Contiguous' }]) }))
}
for (const scheme of ['always', 'first', 'never']) for (const whole of [true, false]) write(`metaspace_${scheme}_${whole ? 'split' : 'whole'}`, unigram({ pre_tokenizer: metaspace(scheme, whole), decoder: metaspace(scheme, whole) }))

// ---- models

{
  const words = base('bert_uncased')
  const vocab = Object.fromEntries(Object.entries(words.model.vocab).filter(([t]) => !t.startsWith('##')))
  write('wordlevel', { ...words, pre_tokenizer: { type: 'Whitespace' }, decoder: null, model: { type: 'WordLevel', vocab, unk_token: '[UNK]' } })
}
{
  const json = base('llama2')
  write('bpe_no_fallback', { ...json, model: { ...json.model, byte_fallback: false, fuse_unk: false } })
  write('bpe_ignore_merges', { ...json, model: { ...json.model, ignore_merges: true } })
  write('bpe_drops', { ...json, model: { ...json.model, byte_fallback: false, unk_token: null } })
}
{
  const json = base('gpt2')
  const vocab = { ...json.model.vocab }
  const merges = json.model.merges.map((m) => (typeof m === 'string' ? m.split(' ') : m)).slice(0, 4000)
  let next = 60000
  for (const token of Object.keys(json.model.vocab)) vocab[`##${token}`] ??= next++
  const stands = Object.keys(json.model.vocab).filter((t) => [...t].length === 1)
  for (const t of stands) for (const name of [`${t}</w>`, `##${t}</w>`]) vocab[name] ??= next++
  for (const [a, b] of merges) for (const name of [`${a}${b}</w>`, `##${a}${b}</w>`]) vocab[name] ??= next++
  const affixed = merges.flatMap(([a, b]) => [[a, `##${b}`], [`##${a}`, `##${b}`], [a, `##${b}</w>`], [`##${a}`, `##${b}</w>`]]).filter(([a, b]) => vocab[a] !== undefined && vocab[b] !== undefined && vocab[a + b.slice(2)] !== undefined)
  write('bpe_affixes', { ...json, decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: { ...json.model, continuing_subword_prefix: '##', end_of_word_suffix: '</w>', unk_token: null, vocab, merges: affixed } })
}
{
  const json = base('spm_unigram')
  write('unigram_no_unk', { ...json, model: { ...json.model, unk_id: 7 } })
  write('unigram_ties', { ...json, model: { ...json.model, vocab: json.model.vocab.map(([t, s]) => [t, Math.round(s)]) } })
}

// ---- around it

const specials = (names, vocab) => names.map(([content, more], i) => ({ id: vocab + i, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: i % 2 === 0, ...more }))
const every = []
for (let i = 0; i < 32; i++) every.push([['<a>', '<ab>', '<abc', 'the', ' of', 'é', 'King', 'LORD'][i % 8] + ['', '>', '!', ' '][i >> 3], { single_word: Boolean(i & 1), lstrip: Boolean(i & 2), rstrip: Boolean(i & 4), normalized: Boolean(i & 8), special: Boolean(i & 16) }])
write('added_bert', bert({ added_tokens: [...base('bert_uncased').added_tokens, ...specials(every, 30522)] }))
write('added_gpt2', gpt2({ normalizer: { type: 'NFKC' }, added_tokens: [...base('gpt2').added_tokens, ...specials(every, 50257)] }))
write('added_unigram', unigram({ added_tokens: [...base('spm_unigram').added_tokens, ...specials(every, 8000)] }))
write('added_llama2', { ...base('llama2'), added_tokens: [...base('llama2').added_tokens, ...specials(every, 32000)] })

write('roberta', gpt2({ post_processor: { type: 'RobertaProcessing', sep: ['<|endoftext|>', 50256], cls: ['!', 0], trim_offsets: true, add_prefix_space: true }, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true } }))
write('truncated_left', bert({ truncation: { direction: 'Left', max_length: 12, strategy: 'LongestFirst', stride: 3 }, padding: { strategy: 'BatchLongest', direction: 'Left', pad_to_multiple_of: 8, pad_id: 0, pad_type_id: 1, pad_token: '[PAD]' } }))
write('padded', gpt2({ truncation: { direction: 'Right', max_length: 20, strategy: 'OnlyFirst', stride: 0 }, padding: { strategy: { Fixed: 24 }, direction: 'Right', pad_to_multiple_of: null, pad_id: 50256, pad_type_id: 0, pad_token: '<|endoftext|>' } }))
write('decode_ctc', bert({ decoder: { type: 'CTC', pad_token: '[PAD]', word_delimiter_token: '|', cleanup: true } }))
write('decode_steps', bert({ decoder: sequence('decoders', [{ type: 'WordPiece', prefix: '##', cleanup: false }, { type: 'Replace', pattern: { Regex: '[aeiou]' }, content: '_' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }]) }))
