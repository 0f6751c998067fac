// compare.mjs DRIVER DIR [--full] [--only NAME] [--suite NAME] [--report FILE] [--jobs N]: every real
// tokenizer of DIR (see install) over its texts, against the reference. --full: all of them, else
// a part that is drawn from a seed. Ends with counts as cmocka prints them.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { decodeCase, defaults, documents, laden, namesCase, randomIds, selfCase, shapes } from './cases.mjs'
import { ENCODE, encodeRequest, parseEncodings, SPECIAL, random, readCorpus } from './oracle.mjs'
import { Session, report } from './session.mjs'

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  full: { type: 'boolean' }, only: { type: 'string' }, suite: { type: 'string' }, report: { type: 'string' }, jobs: { type: 'string', default: '2' }, bytes: { type: 'string', default: '700000' } } })
const [program, dir] = positionals

function texts() {
  const files = fs.readdirSync(path.join(dir, 'corpora')).filter((f) => f.endsWith('.bin')).sort()
  return files.map((file) => {
    const all = readCorpus(path.join(dir, 'corpora', file))
    if (flags.full) return [path.parse(file).name, all]
    // Whole documents, until the corpus has had its share.
    const r = random(file.length)
    const part = []
    for (let bytes = 0; bytes < Number(flags.bytes) / files.length;) {
      const document = all[r.below(all.length)]
      if (document.length > 30000 && r.chance(0.8)) continue
      part.push(document)
      bytes += document.length
    }
    return [path.parse(file).name, part]
  })
}

async function decodings(session, list) {
  const cases = []
  for (const t of list) {
    const answer = await session.driver.ask(ENCODE, encodeRequest([t], { flags: SPECIAL }))
    if (answer.failed) continue
    const [{ ids }] = parseEncodings(answer.body)
    cases.push(decodeCase(ids, false), decodeCase(ids, true))
  }
  return cases
}

async function one(name) {
  const json = fs.readFileSync(path.join(dir, 'models', name, 'tokenizer.json'), 'utf8')
  const session = new Session({ name, json, program, modules: path.join(dir, 'node_modules'), keep: path.join(dir, 'answers'), tell: report(flags.report) })
  const opened = await session.open()
  if (opened.failed) {
    session.tell({ tokenizer: name, suite: 'open', kind: 'open', expected: 'no error', got: opened.error })
    return { passed: 0, failed: 1, bytes: 0 }
  }
  const size = flags.full ? 'full' : `part${flags.bytes}`
  const wanted = (suite) => !flags.suite || suite.startsWith(flags.suite)
  const corpora = texts()
  const small = corpora.flatMap(([, list]) => list.filter((t) => t.length < 4096))
  const run = async (suite, cases) => { if (wanted(suite)) await session.run(`${suite}.${size}`, cases) }
  await run('names', [namesCase(session.driver.idEnd)])
  for (const [corpus, list] of corpora) await run(corpus, documents(list))
  const added = JSON.parse(json).added_tokens.map((t) => t.content)
  const special = laden(added, small, 7, flags.full ? 4000 : 300)
  await run('special', documents(special))
  await run('shapes', shapes([...small.slice(0, 2000), ...special], 11, flags.full ? 3000 : 250))
  const own = JSON.parse(json)
  if (own.truncation || own.padding) await run('defaults', [...defaults(small.slice(0, 300)), ...(own.truncation?.stride ? [] : defaults(small.slice(300, 500), true))])
  if (wanted('decode')) await run('decode', [...(await decodings(session, [...special.slice(0, 100), ...corpora.flatMap(([, list]) => list.filter((t) => t.length < 20000).slice(0, flags.full ? 400 : 8))])), ...randomIds(await session.ids(), 13, flags.full ? 3000 : 300)])
  const r = random(17)
  if (wanted('self')) await session.run(`self.${size}`, [...special.slice(0, flags.full ? 1000 : 60), ...corpora.flatMap(([, list]) => list.slice(0, flags.full ? 1000 : 10))].map((t) => selfCase(t, r.below(2 ** 31))))
  const status = await session.driver.stop()
  if (status !== 0) {
    session.failed++
    session.tell({ tokenizer: name, suite: 'end', kind: 'exit status', expected: 0, got: `${status} ${session.driver.stderr}` })
  }
  return session
}

async function all() {
  const names = fs.readdirSync(path.join(dir, 'models')).filter((n) => !flags.only || n === flags.only).sort()
  const total = { passed: 0, failed: 0, bytes: 0 }
  const worker = async () => {
    for (let name; (name = names.shift());) {
      const begun = Date.now()
      const args = process.argv.slice(2).concat('--only', name)
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, REFERENCE_ONE: name } })
      let out = ''
      child.stdout.on('data', (d) => { out += d })
      const code = await new Promise((done) => child.on('close', done))
      const m = /^result (\d+) (\d+) (\d+)$/m.exec(out)
      const result = m && code === 0 ? m.slice(1).map(Number) : [0, 1, 0]
      process.stdout.write(out.replace(/^result .*\n/m, ''))
      console.log(`${name}: ${result[0]} alike, ${result[1]} not, ${(result[2] / 1e6).toFixed(1)} MB, ${((Date.now() - begun) / 1000).toFixed(0)} s${m ? '' : ', did not end well'}`)
      total.passed += result[0]
      total.failed += result[1]
      total.bytes += result[2]
    }
  }
  await Promise.all(Array.from({ length: Number(flags.jobs) }, worker))
  console.log(`[  PASSED  ] ${total.passed} test(s).`)
  console.log(`[  FAILED  ] ${total.failed} test(s).`)
  process.exitCode = total.failed || !total.passed ? 1 : 0
}

if (process.env.REFERENCE_ONE) {
  const { passed, failed, bytes } = await one(process.env.REFERENCE_ONE)
  console.log(`result ${passed} ${failed} ${bytes}`)
  process.exit(0)
} else await all()
