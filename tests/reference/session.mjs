// One tokenizer, both sides: puts cases to them, counts, and tells about each difference once,
// with the shortest text that still shows it.
import fs from 'node:fs'
import path from 'node:path'
import { DECODE, Driver, ENCODE, NAMES, Reference, SELF, STAGES, explain, hash, minimise, same, string } from './oracle.mjs'

const AT_ONCE = 24
const TOLD = 3 // differences told per suite, with minimising; the rest are counted

export class Session {
  // keep: a folder for what the reference answered; none: it is asked each time.
  constructor({ name, json, modules, program, keep, tell = console.log }) {
    Object.assign(this, { name, json, modules, program, keep, tell })
    this.passed = this.failed = this.bytes = 0
    this.errors = 0 // of passed: both sides refused
    this.driver = new Driver(program)
  }

  get reference() {
    this.known ??= new Reference(this.modules, this.json)
    return this.known
  }

  async open() {
    return this.driver.open(this.json)
  }

  // Those that have a name.
  async ids() {
    const { body } = await this.driver.ask(NAMES)
    const ids = []
    for (let at = 4, id = 0; at < body.length; at += 5 + body.readUInt32LE(at + 1), id++) if (body[at]) ids.push(id)
    return ids
  }

  // ---- what the reference answered before

  remembered(suite, n) {
    if (!this.keep) return null
    try {
      const lines = fs.readFileSync(path.join(this.keep, `${this.name}.${suite}`), 'utf8').split('\n')
      return lines.length === n + 1 && lines[0] === this.mark() ? lines.slice(1) : null
    } catch {
      return null
    }
  }

  mark() {
    this.marked ??= hash(Buffer.from(this.json))
    return `${this.marked} ${this.questions}`
  }

  remember(suite, answers) {
    if (!this.keep) return
    fs.mkdirSync(this.keep, { recursive: true })
    const file = path.join(this.keep, `${this.name}.${suite}`)
    fs.writeFileSync(file + '.new', [this.mark(), ...answers].join('\n'))
    fs.renameSync(file + '.new', file)
  }

  // ---- suites

  // Cases with the same state run beside each other; the next state waits for them.
  async run(suite, cases) {
    const before = this.failed
    this.questions = hash(Buffer.concat(cases.map((c) => Buffer.from(hash(Buffer.concat([Buffer.from(c.state), c.payload()]))))))
    const known = this.remembered(suite, cases.length)
    const answers = known ?? new Array(cases.length)
    let told = 0
    let running = new Set()
    const one = async (i) => {
      const c = cases[i]
      const [expected, ours] = await Promise.all([known ? null : c.reference(this.reference), this.driver.ask(c.what, c.payload())])
      if (expected) answers[i] = expected.failed ? 'error' : hash(expected.body)
      for (const t of c.texts ?? []) this.bytes += t.length
      if ((ours.failed ? 'error' : hash(ours.body)) === answers[i]) {
        this.passed++
        if (ours.failed) this.errors++
      } else {
        this.failed++
        if (told++ < TOLD) wrong.push([i, ours])
      }
    }
    const wrong = []
    for (let i = 0; i < cases.length; i++) {
      if (running.size >= AT_ONCE) await Promise.race(running)
      if (i && cases[i].state !== cases[i - 1].state) await Promise.all(running)
      const p = one(i).finally(() => running.delete(p))
      running.add(p)
      if (this.driver.dead) {
        await Promise.all(running)
        const culprit = await this.crashed(suite, cases)
        if (culprit < 0) break
      }
    }
    await Promise.all(running)
    if (!known && !this.driver.dead) this.remember(suite, answers)
    for (const [i, ours] of wrong) await this.explain(suite, cases[i], ours)
    return this.failed - before
  }

  async crashed(suite, cases) {
    this.crashes = (this.crashes ?? 0) + 1
    await this.driver.again()
    return this.crashes > 3 ? -1 : 0
  }

  // ---- explaining

  async verdict(c) {
    if (this.driver.dead) await this.driver.again()
    const [expected, ours] = await Promise.all([c.reference(this.reference), this.driver.ask(c.what, c.payload())])
    return same(expected, ours) ? null : { expected, ours }
  }

  async explain(suite, c, ours) {
    let found = await this.verdict(c)
    const entry = { tokenizer: this.name, suite, kind: ['', '', 'encode', 'decode', 'names', '', 'self'][c.what] }
    if (!found) return this.tell({ ...entry, note: 'not repeatable: another answer when asked again', got: ours.failed ? ours.error : '' })
    if (c.what === NAMES) return this.tell({ ...entry, got: found.ours.failed ? found.ours.error : firstDifference(found.expected.body, found.ours.body) })
    if (c.what === DECODE) {
      const ids = await minimise(c.ids, async (less) => this.verdict(remake(c, { ids: less })))
      found = await this.verdict(remake(c, { ids }))
      const text = (a) => (a.failed ? `error: ${a.error}` : JSON.stringify(a.body.toString()))
      return this.tell({ ...entry, ids: JSON.stringify(ids), tokens: JSON.stringify(ids.map((i) => this.reference.tokenizer.idToToken(i))), skip_special_tokens: c.skip, expected: text(found.expected), got: text(found.ours) })
    }
    const texts = []
    for (let i = 0; i < c.texts.length; i++) {
      const others = (less) => [...texts, Buffer.from(less.join('')), ...c.texts.slice(i + 1)]
      const chars = [...c.texts[i].toString()]
      texts.push(Buffer.from((await minimise(chars, async (less) => this.verdict(remake(c, { texts: others(less) })))).join('')))
    }
    found = await this.verdict(remake(c, { texts }))
    if (!found) return this.tell({ ...entry, note: 'lost while minimising' })
    const shown = texts.map((t) => JSON.stringify(t.toString()).slice(0, 300)).join(' + ')
    const more = c.what === SELF ? { got: found.ours.failed ? found.ours.error : found.ours.body.toString().trim() } : explain(found.expected, found.ours)
    this.tell({ ...entry, text: shown, escaped: texts.map((t) => escape(t.toString())).join(' + '), options: c.state && c.state.length > 14 ? c.state : undefined, ...more, stage: c.what === ENCODE ? await this.stage(texts[0].toString()) : undefined })
  }

  // Are the pieces before the model alike already?
  async stage(text) {
    try {
      const { normal, pieces } = this.reference.pieces(text)
      const answer = await this.driver.ask(STAGES, string(text))
      if (answer.failed) return `pieces: ${answer.error}`
      const ours = []
      for (let at = 0; at < answer.body.length;) {
        const [id, size] = [answer.body.readUInt32LE(at), answer.body.readUInt32LE(at + 4)]
        const piece = answer.body.subarray(at + 8, at + 8 + size).toString()
        ours.push(id === 0xffffffff ? piece : `<added ${id}>`)
        at += 16 + size
      }
      if (ours.some((p) => p.startsWith('<added'))) return `with added tokens; our pieces ${JSON.stringify(ours).slice(0, 200)}`
      const plain = (p) => JSON.stringify(p)
      const equal = plain(pieces) === plain(ours) || plain(pieces.map(unmapped)) === plain(ours)
      return equal ? 'model or after' : `pieces: expected ${plain(pieces).slice(0, 200)} (normalized ${plain(normal).slice(0, 80)}), got ${plain(ours).slice(0, 200)}`
    } catch (e) {
      return `unknown: ${e.message}`
    }
  }
}

import { decodeCase, encodeCase, selfCase } from './cases.mjs'
function remake(c, { texts, ids }) {
  if (c.what === DECODE) return decodeCase(ids, c.skip)
  if (c.what === SELF) return selfCase(texts[0], c.payload().readUInt32LE(0))
  return encodeCase(texts, c.options)
}

const STANDS = new Map()
for (let b = 0, next = 256; b < 256; b++) STANDS.set(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++), b)
const unmapped = (p) => Buffer.from([...p].map((c) => STANDS.get(c) ?? 63)).toString()
const escape = (t) => [...t].slice(0, 60).map((c) => (/[ -~]/.test(c) ? c : `\\u{${c.codePointAt(0).toString(16)}}`)).join('')

function firstDifference(a, b) {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return `${i}: ${JSON.stringify(a.subarray(Math.max(0, i - 20), i + 20).toString())} ${JSON.stringify(b.subarray(Math.max(0, i - 20), i + 20).toString())}`
}

export function report(file) {
  const seen = new Set()
  return (entry) => {
    const key = JSON.stringify([entry.tokenizer, entry.kind, entry.escaped ?? entry.ids ?? entry.note ?? entry.got])
    if (seen.has(key)) return
    seen.add(key)
    const text = `* ${entry.tokenizer} (${entry.suite}, ${entry.kind})\n` + Object.entries(entry).filter(([k, v]) => v !== undefined && !['tokenizer', 'suite', 'kind'].includes(k)).map(([k, v]) => `    ${k}: ${v}\n`).join('')
    process.stdout.write(text)
    if (file) fs.appendFileSync(file, text)
  }
}
