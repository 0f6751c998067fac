// The two sides of a comparison: the reference library, and our driver behind a pipe (driver.c says
// how it is spoken to). What both answer is written in one binary form, so that equal is equal bytes.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'

export const OPEN = 1, ENCODE = 2, DECODE = 3, NAMES = 4, STAGES = 5, SELF = 6
export const SPECIAL = 1, PAIR = 2, DEFAULTS = 4, TRUNCATE = 8, PAD = 16, IDS = 32

const FILES = ['tokenizer_json', 'tokenizer_config', 'sentencepiece', 'tiktoken', 'tekken', 'gguf', 'vocab_json', 'merges_txt', 'vocab_txt']
export const STRATEGIES = ['LongestFirst', 'OnlyFirst', 'OnlySecond']
export const SIDES = ['left', 'right'] // as the package spells them

// ---- chance, the same everywhere

export function random(seed) {
  let a = seed >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  next.below = (n) => Math.floor(next() * n)
  next.pick = (list) => list[next.below(list.length)]
  next.chance = (p) => next() < p
  return next
}

// ---- texts

export function readCorpus(file) {
  const data = fs.readFileSync(file)
  const documents = []
  for (let at = 0; at < data.length;) {
    const size = data.readUInt32LE(at)
    documents.push(data.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return documents
}

// ---- binary

const u32 = (...values) => Buffer.from(Uint32Array.from(values).buffer)
export function string(data) {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data)
  return Buffer.concat([u32(bytes.length), bytes])
}

export function encodeRequest(texts, options = {}) {
  const o = { flags: SPECIAL, max_length: 0, stride: 0, strategy: 0, side: 1, pad_length: 0, pad_multiple: 0, pad_side: 1, ...options }
  return Buffer.concat([Buffer.from([o.flags]), u32(o.max_length, o.stride), Buffer.from([o.strategy, o.side]), u32(o.pad_length, o.pad_multiple),
    Buffer.from([o.pad_side]), u32(o.flags & PAIR ? texts.length / 2 : texts.length), ...texts.map(string)])
}

export const decodeRequest = (ids, skip) => Buffer.concat([Buffer.from([skip ? 1 : 0]), u32(ids.length), u32(...ids)])

// What overflowed may itself have overflown, for pairs; nobody hands that on, and neither do we.
function record(encoding, nested = false) {
  const ids = encoding.getIds()
  const n = ids.length
  const out = new Uint32Array(2 + 8 * n)
  out[0] = n
  out.set(ids, 1)
  encoding.getOffsets().forEach((o, i) => { out[1 + n + 2 * i] = o[0]; out[2 + n + 2 * i] = o[1] })
  out.set(encoding.getTypeIds(), 1 + 3 * n)
  out.set(encoding.getSpecialTokensMask(), 1 + 4 * n)
  out.set(encoding.getAttentionMask(), 1 + 5 * n)
  out.set(encoding.getWordIds().map((w) => w ?? 0xffffffff), 1 + 6 * n)
  out.set(encoding.getSequenceIds().map((s) => s ?? 0xffffffff), 1 + 7 * n)
  const overflowing = nested ? [] : encoding.getOverflowing()
  out[1 + 8 * n] = overflowing.length
  return Buffer.concat([Buffer.from(out.buffer), ...overflowing.map((e) => record(e, true))])
}

function idsRecord(encoding) {
  const ids = encoding.getIds()
  return Buffer.concat([u32(ids.length), Buffer.from(Uint32Array.from(ids).buffer)])
}

// For people, and for finding what differs.
export function parseEncodings(buffer) {
  const data = new Uint32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length))
  let at = 0
  const take = (n) => Array.from(data.subarray(at, (at += n)))
  const one = () => {
    const [n] = take(1)
    const e = { ids: take(n), offsets: [] }
    const flat = take(2 * n)
    for (let i = 0; i < n; i++) e.offsets.push([flat[2 * i], flat[2 * i + 1]])
    Object.assign(e, { type_ids: take(n), special: take(n), attention: take(n), words: take(n).map((x) => x | 0), sequences: take(n).map((x) => x | 0) })
    const [m] = take(1)
    e.overflowing = Array.from({ length: m }, one)
    return e
  }
  const all = []
  while (at < data.length) all.push(one())
  return all
}

export const hash = (buffer) => crypto.createHash('md5').update(buffer).digest().readBigUInt64LE().toString(36)

// ---- the driver

export class Driver {
  constructor(program) {
    this.program = program
    this.waiting = []
    this.start()
  }

  start() {
    this.chunks = []
    this.size = 0
    this.dead = null
    this.child = spawn(this.program, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.stderr = ''
    this.child.stderr.on('data', (d) => { this.stderr = (this.stderr + d).slice(-4000) })
    this.child.stdin.on('error', () => {})
    this.child.stdout.on('data', (d) => { this.chunks.push(d); this.size += d.length; this.drain() })
    this.closed = new Promise((done) => this.child.on('close', (code, signal) => {
      this.dead = `driver ended: ${signal ?? code} ${this.stderr.slice(-1500)}`
      for (const w of this.waiting.splice(0)) w({ failed: true, crashed: true, error: this.dead })
      done()
    }))
  }

  drain() {
    if (this.size < 4) return
    let data = this.chunks.length === 1 ? this.chunks[0] : null
    const first = this.chunks[0].length >= 4 ? this.chunks[0] : (data = Buffer.concat(this.chunks))
    if (this.size < 4 + first.readUInt32LE(0)) {
      if (data && this.chunks.length > 1) this.chunks = [data]
      return
    }
    data ??= Buffer.concat(this.chunks)
    let at = 0
    while (data.length - at >= 4) {
      const size = data.readUInt32LE(at)
      if (data.length - at < 4 + size) break
      const body = Buffer.from(data.subarray(at + 5, at + 4 + size))
      this.waiting.shift()(data[at + 4] ? { failed: true, error: body.toString() } : { failed: false, body })
      at += 4 + size
    }
    this.chunks = at < data.length ? [data.subarray(at)] : []
    this.size = data.length - at
  }

  ask(what, payload = Buffer.alloc(0)) {
    if (this.dead) return Promise.resolve({ failed: true, crashed: true, error: this.dead })
    return new Promise((done) => {
      this.waiting.push(done)
      this.child.stdin.write(Buffer.concat([u32(payload.length + 1), Buffer.from([what])]))
      this.child.stdin.write(payload)
    })
  }

  // json: a tokenizer.json, or files by the name of their kind.
  async open(json) {
    this.json = json
    const files = typeof json === 'string' ? { tokenizer_json: json } : json
    const parts = Object.entries(files).flatMap(([kind, data]) => [Buffer.from([FILES.indexOf(kind)]), string(data)])
    const answer = await this.ask(OPEN, Buffer.concat([Buffer.from([Object.keys(files).length]), ...parts]))
    if (!answer.failed) [this.imageSize, this.idEnd] = [answer.body.readUInt32LE(0), answer.body.readUInt32LE(4)]
    return answer
  }

  // After a crash: as it was.
  async again() {
    await this.closed
    this.start()
    return this.open(this.json)
  }

  async stop() {
    this.child.stdin.end()
    await this.closed
    return this.child.exitCode
  }
}

// ---- the reference

export class Reference {
  constructor(modules, json) {
    Reference.binding ??= createRequire(path.join(path.resolve(modules), 'oracle.mjs'))('./tokenizers')
    this.json = json
    this.tokenizer = Reference.binding.Tokenizer.fromString(json)
  }

  // Truncation and padding are the tokenizer's state: cases that set them must not overlap.
  async encode(texts, options = {}) {
    const o = { flags: SPECIAL, ...options }
    // What the file asks for is gone once it was set otherwise.
    const t = o.flags & DEFAULTS ? (this.untouched ??= Reference.binding.Tokenizer.fromString(this.json)) : this.tokenizer
    try {
      if (o.flags & TRUNCATE) t.setTruncation(o.max_length, { stride: o.stride, strategy: STRATEGIES[o.strategy], direction: SIDES[o.side] })
      else if (!(o.flags & DEFAULTS)) t.disableTruncation()
      if (o.flags & PAD) {
        t.setPadding({ direction: SIDES[o.pad_side], ...(o.pad_length ? { maxLength: o.pad_length } : {}), ...(o.pad_multiple ? { padToMultipleOf: o.pad_multiple } : {}) })
      } else if (!(o.flags & DEFAULTS)) t.disablePadding()
      const inputs = texts.map(String)
      const add = { addSpecialTokens: Boolean(o.flags & SPECIAL) }
      let encodings
      if (o.flags & PAIR) encodings = [await t.encode(inputs[0], inputs[1], add)]
      else encodings = inputs.length === 1 ? [await t.encode(inputs[0], null, add)] : await t.encodeBatch(inputs, add)
      if (o.flags & IDS) return { failed: false, body: Buffer.concat(encodings.map(idsRecord)) }
      return { failed: false, body: Buffer.concat(encodings.map((e) => record(e))) }
    } catch (e) {
      return { failed: true, error: e.message }
    }
  }

  async decode(ids, skip) {
    try {
      return { failed: false, body: Buffer.from(await this.tokenizer.decode(ids, skip)) }
    } catch (e) {
      return { failed: true, error: e.message }
    }
  }

  names(end) {
    const parts = [u32(this.tokenizer.getVocabSize(true))]
    for (let id = 0; id < end; id++) {
      const name = this.tokenizer.idToToken(id)
      parts.push(Buffer.from([name === null ? 0 : 1]), string(name ?? ''))
    }
    return Buffer.concat(parts)
  }

  pieces(text) {
    const normalizer = this.tokenizer.getNormalizer()
    const pre = this.tokenizer.getPreTokenizer()
    const normal = normalizer ? normalizer.normalizeString(text) : text
    return { normal, pieces: pre ? pre.preTokenizeString(normal).map((p) => p[0]) : [normal] }
  }
}

// ---- differences

export const same = (a, b) => a.failed === b.failed && (a.failed || a.body.equals(b.body))

// What is the first thing that differs, in words.
export function explain(reference, ours, idsOnly) {
  if (reference.failed || ours.failed) {
    return { field: 'error', expected: reference.failed ? `error: ${reference.error}` : 'no error', got: ours.failed ? `error: ${ours.error}` : 'no error' }
  }
  if (idsOnly) {
    const [a, b] = [reference.body, ours.body].map((body) => Array.from({ length: body.length / 4 - 1 }, (_, i) => body.readUInt32LE(4 * i + 4)))
    const at = a.findIndex((id, i) => id !== b[i])
    const index = at < 0 ? a.length : at
    return { field: 'ids alone', index, expected: JSON.stringify(a.slice(Math.max(0, index - 3), index + 6)), got: JSON.stringify(b.slice(Math.max(0, index - 3), index + 6)) }
  }
  const [a, b] = [reference.body, ours.body].map(parseEncodings)
  const walk = (x, y, at) => {
    for (const field of ['ids', 'offsets', 'type_ids', 'special', 'attention', 'words', 'sequences']) {
      const n = Math.max(x[field].length, y[field].length)
      for (let i = 0; i < n; i++) {
        if (JSON.stringify(x[field][i]) === JSON.stringify(y[field][i])) continue
        const window = (v) => `${i > 3 ? '… ' : ''}${JSON.stringify(v.slice(Math.max(0, i - 3), i + 6))}`
        return { field: at + field, index: i, place: x.offsets[i] ?? null, expected: window(x[field]), got: window(y[field]) }
      }
    }
    if (x.overflowing.length !== y.overflowing.length) return { field: at + 'overflowing', expected: x.overflowing.length, got: y.overflowing.length }
    for (let i = 0; i < x.overflowing.length; i++) {
      const found = walk(x.overflowing[i], y.overflowing[i], `${at}overflowing[${i}].`)
      if (found) return found
    }
    return null
  }
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const found = walk(a[i] ?? { ids: [], offsets: [], overflowing: [] }, b[i], a.length > 1 ? `[${i}].` : '')
    if (found) return found
  }
  return { field: '?', expected: '', got: '' }
}

// The shortest list that still fails, by leaving out ever smaller stretches.
export async function minimise(items, fails, tries = 600) {
  for (let size = Math.ceil(items.length / 2); size >= 1 && tries > 0;) {
    let less = false
    for (let at = 0; at < items.length && tries > 0; tries--) {
      const without = [...items.slice(0, at), ...items.slice(at + size)]
      if (without.length < items.length && (await fails(without))) {
        items = without
        less = true
      } else at += size
    }
    if (!less || size > items.length) size = size === 1 ? 0 : Math.ceil(size / 2)
  }
  return items
}
