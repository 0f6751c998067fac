// run.mjs --build DIR [--rounds N] [--models a,b] [--kb N]: what tokenizing costs, beside its peers. Installs them
// (tests/reference/install, package.json here). One thread each, documents of 4 KiB, CPU time, medians
// of rounds in which all take turns, and of ratios within a round, for a machine that others use changes from
// one second to the next. Warm: every document was seen once. Prints a line of JSON per figure and goal; exit 1 when one is missed.
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = path.dirname(fileURLToPath(import.meta.url))
const { values: flags } = parseArgs({ options: {
  build: { type: 'string', default: 'build' }, reference: { type: 'string' }, peers: { type: 'string' }, rounds: { type: 'string', default: '7' }, kb: { type: 'string', default: '1024' },
  models: { type: 'string', default: 'llama3_1,tiktoken_cl100k_base,tiktoken_o200k_base,qwen3,gpt2,deepseek_v3,mistral_nemo,llama2,gemma3,bert_uncased,spm_unigram' } } })
const build = path.resolve(flags.build)
const reference = path.resolve(flags.reference ?? path.join(build, 'reference'))
const peersDir = path.resolve(flags.peers ?? path.join(build, 'bench-peers'))
const ROUNDS = Number(flags.rounds)
const CORPORA = ['english', 'code', 'multilingual', 'cjk', 'mixed', 'random_utf8']
const DOCUMENT = 4096

function install() {
  if (!flags.reference) execFileSync(path.join(here, '../../tests/reference/install'), [reference], { stdio: 'inherit' })
  if (flags.peers || fs.existsSync(path.join(peersDir, 'node_modules'))) return
  fs.mkdirSync(peersDir, { recursive: true })
  fs.copyFileSync(path.join(here, 'package.json'), path.join(peersDir, 'package.json'))
  execFileSync('npm', ['install', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: peersDir, stdio: 'ignore' })
}

// ---- texts

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-tokenize-'))
process.on('exit', () => fs.rmSync(scratch, { recursive: true }))

function put(name, text, size = DOCUMENT) {
  const parts = []
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + size)
    while (end < text.length && (text[end] & 0xc0) === 0x80) end--
    const head = Buffer.alloc(4)
    head.writeUInt32LE(end - at)
    parts.push(head, text.subarray(at, end))
    at = end
  }
  const file = path.join(scratch, name)
  fs.writeFileSync(file, Buffer.concat(parts))
  return file
}

function corpus(name, size) {
  const data = fs.readFileSync(path.join(reference, 'corpora', `${name}.bin`))
  const parts = []
  let total = 0
  for (let at = 0; at < data.length && total < size; at += 4 + data.readUInt32LE(at)) {
    parts.push(data.subarray(at + 4, at + 4 + data.readUInt32LE(at)))
    total += parts.at(-1).length
  }
  const text = Buffer.concat(parts).subarray(0, size)
  return Buffer.from(text.toString().replace(/\ufffd+$/, ''))
}

const MB = 1 << 20
const repeat = (s, size = MB) => Buffer.from(s.repeat(Math.ceil(size / Buffer.byteLength(s))))
const WORST = {
  letter: repeat('a'), spaces: repeat(' '), combining: repeat('\u0301'), metaspace: repeat('\u2581'), newlines: repeat('\n'), digits: repeat('7'), punctuation: repeat('!'), han: repeat('中'),
  scripts: repeat('aя中אक1 \u0301가'), random: null,
}

// ---- who answers

class Party {
  constructor(name, argv, env = {}) {
    this.name = name
    this.child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, UV_THREADPOOL_SIZE: '1', RAYON_NUM_THREADS: '1', TOKENIZERS_PARALLELISM: 'false', ...env } })
    this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    this.said = ''
    this.child.stderr.on('data', (d) => { this.said = (this.said + d).slice(-300) })
    this.child.stdin.on('error', () => {})
  }

  async ask(...words) {
    this.child.stdin.write(words.join(' ') + '\n')
    const { value } = await this.lines.next()
    return value ? JSON.parse(value) : { error: `ended: ${this.said}` }
  }

  end() {
    this.child.stdin.end()
    this.child.kill()
  }
}

const ours = () => new Party('pipelined', [path.join(build, 'bench/tokenize/bench_tokenize')])
const peer = (name) => new Party(name, [process.execPath, path.join(here, 'peer.mjs'), name, reference, peersDir])
const others = (model) => ['tokenizers', 'kitoken', ...(model.startsWith('tiktoken_') ? ['tiktoken', 'gpt-tokenizer', 'ai-tokenizer'] : [])]

// ---- figures

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]
const speed = (r) => (r.bytes / r.ns) * 1000 // MB/s
const say = (line) => console.log(JSON.stringify(line))
let missed = 0
function goal(what, value, limit, atMost = false) {
  const met = atMost ? value <= limit : value >= limit
  missed += !met
  say({ goal: what, value: Number(value.toPrecision(4)), [atMost ? 'at_most' : 'at_least']: limit, met })
}

// Rounds in which all turns come one after another, [party, name of the turn, words to ask]; per turn the speeds.
async function rounds(turns, n = ROUNDS) {
  const speeds = new Map(turns.map(([, name]) => [name, []]))
  const tokens = new Map()
  for (let i = -1; i < n; i++) { // the first warms up
    for (const [party, name, words] of turns) {
      const r = await party.ask(...words)
      if (r.error) { speeds.delete(name); say({ party: party.name, turn: name, error: r.error }); continue }
      tokens.set(name, r.tokens)
      if (i >= 0) speeds.get(name)?.push(speed(r))
    }
    turns = turns.filter(([, name]) => speeds.has(name))
  }
  return { speeds, tokens }
}

const ratio = (speeds, a, b) => median(speeds.get(a).map((s, i) => s / speeds.get(b)[i]))

async function model(name) {
  const file = path.join(reference, 'models', name, 'tokenizer.json')
  const json = JSON.parse(fs.readFileSync(file, 'utf8'))
  const kind = json.model.type ?? 'BPE'
  const parties = [ours(), ...others(name).map(peer)]
  const load = {}
  for (const p of parties) {
    load[p.name] = await p.ask('load', file)
    say({ model: name, party: p.name, load: load[p.name] })
  }
  const able = parties.filter((p) => !load[p.name].error)
  if (able[0].name !== 'pipelined') { say({ model: name, error: load.pipelined.error }); missed++; return parties.forEach((p) => p.end()) }
  const [us, them] = able

  for (const c of CORPORA) {
    const data = corpus(c, Number(flags.kb) * 1024)
    const texts = put(`${name}-${c}`, data)
    for (const p of able) await p.ask('texts', texts)
    const { speeds, tokens } = await rounds(able.map((p) => [p, p.name, ['round', 'ids']]))
    const row = { model: name, kind, corpus: c, bytes: data.length, mb_s: Object.fromEntries([...speeds].map(([n, s]) => [n, Number(median(s).toPrecision(4))])), tokens: Object.fromEntries(tokens) }
    if (!speeds.has('tokenizers') || !speeds.has('pipelined')) { say(row); missed++; continue }
    row.ratio = Number(ratio(speeds, 'pipelined', 'tokenizers').toPrecision(4))
    const modes = (await rounds(['ids', 'offsets', 'count', 'decode'].map((m) => [us, m, ['round', m]]), 3 * ROUNDS)).speeds
    // Cold: a scratch that knows nothing, the first megabyte. The reference has a cache too, which stays: that is in its favour.
    const cold = (await rounds([[us, 'cold', ['round', 'cold', MB]], [them, 'tokenizers', ['round', 'ids']]])).speeds
    for (const m of ['offsets', 'count', 'decode']) row[m] = Number(median(modes.get(m)).toPrecision(4))
    row.cold = Number(median(cold.get('cold')).toPrecision(4))
    say(row)
    const where = `${name} ${c}`
    const warm = c === 'english' ? (kind === 'BPE' ? 100 : 30) : kind === 'BPE' ? 50 : 30
    if (['english', 'code', 'multilingual', 'cjk'].includes(c)) {
      goal(`${where}: warm / tokenizers`, row.ratio, warm)
      goal(`${where}: cold / tokenizers`, ratio(cold, 'cold', 'tokenizers'), 30)
      goal(`${where}: offsets, time over ids`, ratio(modes, 'ids', 'offsets'), 1.15, true)
      goal(`${where}: count / ids`, ratio(modes, 'count', 'ids'), 1)
      goal(`${where}: decode GB/s`, row.decode / 1000, 1)
      const best = [...speeds.keys()].filter((n) => n !== 'pipelined' && n !== 'tokenizers').map((n) => [ratio(speeds, 'pipelined', n), n]).sort((x, y) => x[0] - y[0])[0]
      if (best && c === 'english') goal(`${where}: warm / ${best[1]}${tokens.get(best[1]) === tokens.get('pipelined') ? '' : ' (other tokens)'}`, best[0], 20)
    }
  }
  const english = put(`${name}-whole`, corpus('english', MB), MB)
  WORST.random ??= corpus('random_utf8', MB)
  for (const [what, data] of Object.entries(WORST)) {
    const worst = put(`${name}-worst`, data, MB + 16)
    const turns = [] // each with its texts before it, of which an answer has no time
    for (let i = 0; i <= ROUNDS; i++) {
      const times = []
      for (const texts of [english, worst]) {
        await us.ask('texts', texts)
        const r = await us.ask('round', 'ids')
        times.push(r.error ? Infinity : r.ns / r.bytes)
      }
      if (i) turns.push(times)
    }
    say({ model: name, worst: what, mb_s: Number((1000 / median(turns.map((t) => t[1]))).toPrecision(4)) })
    goal(`${name}: 1 MB of ${what}, time over English`, median(turns.map((t) => t[1] / t[0])), 3, true)
  }
  const vocab = Array.isArray(json.model.vocab) ? json.model.vocab.map((v) => v[0]) : Object.keys(json.model.vocab)
  const merges = (json.model.merges ?? []).map((m) => (typeof m === 'string' ? m : m.join(' ')))
  // What the file itself holds in bytes: names, 4 for each id (8 more for a score), merges as two names and what is between
  // them, and the table of a Precompiled normalizer. Beside it everything that is mapped, and the heap of an open tokenizer.
  const table = [json.normalizer, ...(json.normalizer?.normalizers ?? [])].find((n) => n?.type === 'Precompiled')?.precompiled_charsmap ?? ''
  const scores = Array.isArray(json.model.vocab) ? 8 * vocab.length : 0
  const own = Buffer.from(table, 'base64').length + scores + vocab.reduce((n, t) => n + Buffer.byteLength(t) + 4, 0) + merges.reduce((n, m) => n + Buffer.byteLength(m) + 1, 0)
  goal(`${name}: map, check and open, ms`, (load.pipelined.check_ns + load.pipelined.open_ns) / 1e6, 1, true)
  if (vocab.length > 100000) goal(`${name}: load, compile and write, ms`, (load.pipelined.load_ns + load.pipelined.compile_ns + load.pipelined.write_ns) / 1e6, name === 'gemma3' ? 250 : 60, true)
  goal(`${name}: image and heap over vocabulary and merges`, (load.pipelined.image_bytes + load.pipelined.heap_bytes) / own, 1.5, true)
  parties.forEach((p) => p.end())
}

install()
say({ machine: os.cpus()[0].model, cpus: os.cpus().length, load: os.loadavg(), node: process.version, rounds: ROUNDS, kb: Number(flags.kb) })
for (const name of flags.models.split(',')) await model(name)
say({ load: os.loadavg() })
process.exit(missed ? 1 : 0)
