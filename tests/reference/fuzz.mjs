// fuzz.mjs DRIVER DIR [--seed N] [--cases N] [--report FILE] [--jobs N]: tokenizers and texts by chance
// (generate.mjs), until so many cases were put to both sides. A tokenizer is known by its seed.
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
const PER = 40 // cases of one tokenizer

function cases(seed, made, ids) {
  const r = random(seed ^ 0x5eed)
  const texts = Array.from({ length: 14 }, () => Buffer.from(text(r, [...made.names, ...made.names, ...made.vocab])))
  return [...documents(texts), ...defaults(texts.slice(0, 2)), ...defaults(texts.slice(2, 4), true), ...shapes(texts, seed, 10), ...randomIds(ids, seed, 7), ...texts.slice(0, 5).map((t) => selfCase(t, r.below(2 ** 31)))]
}

// The same failure with less of the tokenizer.
async function smaller(json, fails) {
  const tries = [['normalizer', null], ['pre_tokenizer', null], ['post_processor', null], ['decoder', null], ['truncation', null], ['padding', null], ['added_tokens', []]]
  const parts = [['normalizer', 'normalizers'], ['pre_tokenizer', 'pretokenizers'], ['decoder', 'decoders'], ['post_processor', 'processors']]
  for (const [key, value] of tries) {
    const less = { ...json, [key]: value }
    if (JSON.stringify(less) !== JSON.stringify(json) && (await fails(less))) json = less
  }
  for (const [key, list] of parts) {
    for (let i = (json[key]?.[list]?.length ?? 0) - 1; i >= 0; i--) {
      const less = { ...json, [key]: { ...json[key], [list]: json[key][list].filter((_, j) => j !== i) } }
      if (await fails(less)) json = less
    }
  }
  for (let i = json.added_tokens.length - 1; i >= 0; i--) {
    const less = { ...json, added_tokens: json.added_tokens.filter((_, j) => j !== i) }
    if (await fails(less)) json = less
  }
  return json
}

async function run(first, step) {
  const tell = report(flags.report)
  const session = new Session({ name: 'fuzz', json: '', modules, program, tell: () => {} })
  const count = { cases: 0, tokenizers: 0, refused: 0, loads: 0, failed: 0, told: 0 }
  for (let seed = first; count.cases < Number(flags.cases) / (flags.one ? 1 : step); seed += step) {
    process.stderr.write('') // a place to look for the seed in a debugger
    const made = tokenizer(seed)
    const json = JSON.stringify(made.json)
    process.send?.({ seed })
    let reference = null
    let refusal = ''
    try { reference = new Reference(modules, json) } catch (e) { refusal = e.message }
    Object.assign(session, { json, known: reference, name: `seed ${seed}` })
    if (session.driver.dead) await session.driver.again()
    const opened = await session.open()
    count.tokenizers++
    count.cases++
    if (opened.failed !== !reference) {
      count.failed++
      if (count.told++ < Number(flags.tell)) tell({ tokenizer: `seed ${seed}`, suite: 'fuzz', kind: 'load', expected: reference ? 'loads' : `refused: ${refusal}`, got: opened.failed ? `refused: ${opened.error}` : 'loads', json: describe(made.json) })
      continue
    }
    if (!reference) { count.refused++; continue }
    const list = cases(seed, made, await session.ids())
    session.failed = 0
    const found = []
    session.tell = (e) => found.push(e)
    session.explained = count.told < Number(flags.tell)
    await session.run('fuzz', list)
    count.cases += list.length
    count.failed += session.failed
    if (session.failed && count.told < Number(flags.tell)) {
      const e = found[0]
      if (e) { count.told++; tell({ ...e, also: found.length > 1 ? `${session.failed} cases of this tokenizer` : undefined, json: describe(made.json), vocab: JSON.stringify(made.json.model).slice(0, 700) }) }
    }
    if (flags.one) break
  }
  await session.driver.stop()
  return count
}

function describe(json) {
  const { model, ...rest } = json
  const { vocab, merges, ...options } = model ?? {}
  return JSON.stringify({ ...rest, model: options }).slice(0, 1500)
}

if (process.env.FUZZ_FIRST) {
  const count = await run(Number(process.env.FUZZ_FIRST), Number(flags.jobs))
  console.log('result ' + JSON.stringify(count))
  process.exit(0)
} else if (flags.one) {
  console.log(JSON.stringify(tokenizer(Number(flags.one)).json))
  console.log(await run(Number(flags.one), 1))
  process.exit(0)
} else {
  const first = Number(flags.seed)
  const jobs = Number(flags.jobs)
  const total = {}
  await Promise.all(Array.from({ length: jobs }, async (_, i) => {
    let seed = first + i
    let left = Number(flags.cases)
    // The reference ends its process for some tokenizers: then the next seed, in a new one.
    for (let attempts = 0; attempts < 200; attempts++) {
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2).filter((a, j, all) => a !== '--cases' && all[j - 1] !== '--cases'), '--cases', String(left)],
        { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...process.env, FUZZ_FIRST: String(seed) } })
      let out = ''
      let last = seed
      child.on('message', (m) => { last = m.seed })
      child.stdout.on('data', (d) => { out += d })
      const code = await new Promise((done) => child.on('close', done))
      process.stdout.write(out.replace(/^result .*\n/m, ''))
      const m = /^result (.*)$/m.exec(out)
      if (m) {
        for (const [k, v] of Object.entries(JSON.parse(m[1]))) total[k] = (total[k] ?? 0) + v
        break
      }
      console.log(`the reference ended (${code}) with seed ${last}`)
      total.ended = (total.ended ?? 0) + 1
      left -= Math.floor((last - seed) / jobs) * PER * jobs
      total.cases = (total.cases ?? 0) + Math.floor((last - seed) / jobs) * PER
      seed = last + jobs
      if (left <= 0) break
    }
  }))
  console.log(`seeds from ${first}: ${JSON.stringify(total)}`)
  console.log(`[  PASSED  ] ${total.cases - total.failed} test(s).`)
  console.log(`[  FAILED  ] ${total.failed} test(s).`)
  process.exitCode = total.failed || !total.cases ? 1 : 0
}
