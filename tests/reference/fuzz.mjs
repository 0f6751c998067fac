// fuzz.mjs DRIVER DIR [--seed N] [--cases N] [--report FILE] [--jobs N] [--one SEED]: tokenizers and texts by
// chance (generate.mjs), until so many cases were put to both sides. A tokenizer is known by its seed.
//
// A case counts when the reference answered it, be it with an error. Some tokenizers end the reference's process:
// none of their cases counts, the seed is named, and a new process goes on with the next one.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { documents, defaults, randomIds, selfCase, shapes } from './cases.mjs'
import { text, tokenizer } from './generate.mjs'
import { Reference, random } from './oracle.mjs'
import { Session, report } from './session.mjs'

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' }, cases: { type: 'string', default: '20000' }, report: { type: 'string' }, jobs: { type: 'string', default: '2' }, one: { type: 'string' }, tell: { type: 'string', default: '40' } } })
const [program, dir] = positionals
const modules = path.join(dir, 'node_modules')

function cases(seed, made, ids) {
  const r = random(seed ^ 0x5eed)
  const texts = Array.from({ length: 40 }, () => Buffer.from(text(r, [...made.names, ...made.names, ...made.vocab])))
  return [...documents(texts), ...defaults(texts.slice(0, 4)), ...defaults(texts.slice(2, 6), true), ...shapes(texts, seed, 40), ...randomIds(ids, seed, 20)]
}

const selfCases = (seed, list) => list.slice(0, 6).map((c, i) => selfCase(c.texts[0], (seed * 7919 + i) >>> 0))

// Of added tokens that are one text once they are normalized, the reference finds one by chance: the first stays.
function withoutTwins(reference, json) {
  const normalizer = reference.tokenizer.getNormalizer()
  const seen = new Set()
  const added_tokens = json.added_tokens.filter((t) => {
    const name = normalizer && t?.normalized === true && typeof t.content === 'string' ? normalizer.normalizeString(t.content) : null
    return name === null || !seen.has(name) && seen.add(name)
  })
  return added_tokens.length < json.added_tokens.length ? { ...json, added_tokens } : json
}

function make(seed) {
  const made = tokenizer(seed)
  let text = JSON.stringify(made.json)
  try {
    let reference = new Reference(modules, text)
    const less = withoutTwins(reference, made.json)
    if (less !== made.json) {
      made.json = less
      text = JSON.stringify(less)
      reference = new Reference(modules, text)
    }
    return { made, text, reference }
  } catch (e) {
    return { made, text, reference: null, refusal: e.message }
  }
}

// One tokenizer: counts of what was asked and of what differed.
async function tokenizerCases(seed, session, tell) {
  const count = { cases: 1, failed: 0, errors: 0, self: 0, tokenizers: 1, refused: 0 }
  const { made, text, reference, refusal } = make(seed)
  Object.assign(session, { json: text, known: reference, name: `seed ${seed}` })
  if (session.driver.dead) await session.driver.again()
  const opened = await session.open()
  if (opened.failed !== !reference) {
    count.failed++
    tell({ tokenizer: `seed ${seed}`, suite: 'fuzz', kind: 'load', expected: reference ? 'loads' : `refused: ${refusal}`, got: opened.failed ? `refused: ${opened.error}` : 'loads', json: describe(made.json) })
    return count
  }
  if (!reference) return { ...count, refused: 1 }
  const list = cases(seed, made, await session.ids())
  const own = selfCases(seed, list)
  const found = []
  Object.assign(session, { failed: 0, passed: 0, errors: 0, tell: (e) => found.push(e) })
  await session.run('fuzz', [...list, ...own])
  if (found.length) tell({ ...found[0], also: found.length > 1 ? `${session.failed} cases of this tokenizer` : undefined, json: describe(made.json), vocab: JSON.stringify(made.json.model).slice(0, 700) })
  return { ...count, cases: 1 + list.length, self: own.length, failed: session.failed, errors: session.errors }
}

async function run(first, step, each) {
  let told = 0
  const tell = report(flags.report)
  const session = new Session({ name: 'fuzz', json: '', modules, program, tell: () => {} })
  for (let seed = first; ; seed += step) {
    const count = await tokenizerCases(seed, session, (e) => { if (told++ < Number(flags.tell)) tell(e) })
    if (!(await each(seed, count))) break
  }
  await session.driver.stop()
}

function describe(json) {
  const { model, ...rest } = json
  const { vocab, merges, ...options } = model ?? {}
  return JSON.stringify({ ...rest, model: options }).slice(0, 1500)
}

// A process per job; when the reference ends it, the next one begins behind the seed it was at.
async function job(first, step, add) {
  for (let seed = first; ;) {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)],
      { stdio: ['ignore', 'inherit', 'ignore', 'ipc'], env: { ...process.env, FUZZ_FIRST: String(seed) } })
    child.on('message', (m) => {
      seed = m.seed + step
      child.send(add(m.count))
    })
    const code = await new Promise((done) => child.on('close', done))
    if (code === 0) return
    console.log(`the reference ended with seed ${seed}`)
    if (!add({ ended: 1 })) return
    seed += step
  }
}

const jobs = Number(flags.jobs)
if (process.env.FUZZ_FIRST) {
  const answer = () => new Promise((done) => process.once('message', done))
  await run(Number(process.env.FUZZ_FIRST), jobs, (seed, count) => {
    const more = answer()
    process.send({ seed, count })
    return more
  })
  process.exit(0)
} else if (flags.one) {
  console.log(make(Number(flags.one)).text)
  await run(Number(flags.one), 1, (seed, count) => console.log(count))
  process.exit(0)
} else {
  const first = Number(flags.seed)
  const total = { cases: 0, failed: 0 }
  let last = first
  const add = (count) => {
    for (const [k, v] of Object.entries(count)) total[k] = (total[k] ?? 0) + v
    last++
    return total.cases < Number(flags.cases)
  }
  await Promise.all(Array.from({ length: jobs }, (_, i) => job(first + i, jobs, add)))
  console.log(`seeds from ${first} on, ${last - first} of them: ${JSON.stringify(total)}`)
  console.log(`[  PASSED  ] ${total.cases - total.failed} test(s).`)
  console.log(`[  FAILED  ] ${total.failed} test(s).`)
  process.exitCode = total.failed || !total.cases ? 1 : 0
}
