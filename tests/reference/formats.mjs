// formats.mjs DRIVER DIR [--only NAME] [--bytes N]: files that are no tokenizer.json against the libraries they
// were made for, over the same texts: SentencePiece's spm_encode, tiktoken, llama.cpp. Ids alone are
// compared, without special tokens. Ends with counts as cmocka prints them.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { Driver, ENCODE, IDS, encodeRequest, minimise, random, readCorpus } from './oracle.mjs'
import { known } from './formats_known.mjs'

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

// expected(texts): the ids of each, as JSON. explained(text): the name of a known difference that it has, or nothing.
async function compare(name, files, list, expected, { minimising = true } = {}) {
  if (flags.only && !name.startsWith(flags.only)) return
  const driver = new Driver(program)
  const opened = await driver.open(files)
  const count = { passed: 0, failed: 0, known: 0 }
  if (opened.failed) {
    count.failed = 1
    console.log(`* ${name}: ${opened.error}`)
  }
  const want = opened.failed ? [] : expected(list)
  for (let i = 0; i < want.length; i++) {
    if ((await ours(driver, list[i])) === want[i]) { count.passed++; continue }
    let chars = [...list[i]]
    const differs = async (less) => (await ours(driver, less.join(''))) !== expected([less.join('')])[0]
    if (minimising) chars = await minimise(chars, differs, 300)
    const text = chars.join('')
    const reason = Object.keys(known).find((k) => known[k](name, text))
    if (reason) { count.known++; continue }
    if (count.failed++ < Number(flags.tell)) console.log(`* ${name}: ${JSON.stringify(text).slice(0, 300)}\n    expected: ${expected([text])[0].slice(0, 200)}\n    got: ${(await ours(driver, text)).slice(0, 200)}`)
  }
  await driver.stop()
  console.log(`${name}: ${count.passed} alike, ${count.known} differ as is known, ${count.failed} not`)
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

// ---- GGUF: the vocabularies that llama.cpp tests itself with

const { getLlama } = await import(path.join(modules, 'node-llama-cpp/dist/index.js'))
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'fatal' })
const folder = path.join(dir, 'formats/llama.cpp/models')
for (const file of fs.readdirSync(folder).filter((f) => /^ggml-vocab-.*\.gguf$/.test(f)).sort()) {
  if (flags.only && !`gguf_${file}`.includes(flags.only)) continue
  const model = await llama.loadModel({ modelPath: path.join(folder, file), vocabOnly: true })
  await compare(`gguf_${path.parse(file).name.slice('ggml-vocab-'.length)}`, { gguf: fs.readFileSync(path.join(folder, file)) }, short, (list) => list.map((t) => JSON.stringify(Array.from(model.tokenize(t, false)))))
  await model.dispose()
}

console.log(`[  PASSED  ] ${total.passed + total.known} test(s).`)
console.log(`[  FAILED  ] ${total.failed} test(s).`)
process.exit(total.failed || !total.passed ? 1 : 0)
