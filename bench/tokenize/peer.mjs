// A peer, spoken to as tokenize.c is: load, texts, round. peer.mjs NAME REFERENCE PEERS, the last two being
// folders with node_modules. One thread; CPU time of the process.
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { createRequire } from 'node:module'

const [name, reference, peers] = process.argv.slice(2)
const require = createRequire(path.join(path.resolve(name === 'tokenizers' ? reference : peers), 'peer.cjs'))
const encodingOf = (file) => path.basename(path.dirname(file)).replace('tiktoken_', '')

// load(file) gives { encode(text) -> length, offsets?(text), decode?(ids), ids(text) }
const PEERS = {
  tokenizers(file) {
    const t = require('tokenizers').Tokenizer.fromFile(file)
    const plain = { addSpecialTokens: false }
    return {
      encode: async (text) => (await t.encode(text, null, plain)).getIds().length,
      offsets: async (text) => { const e = await t.encode(text, null, plain); e.getIds(); return e.getOffsets().length },
      ids: async (text) => (await t.encode(text, null, plain)).getIds(),
      decode: async (ids) => (await t.decode(ids, false)).length,
    }
  },
  kitoken(file) {
    const { Kitoken } = require('kitoken/node')
    const t = new Kitoken(fs.readFileSync(file))
    return { encode: (text) => t.encode(text, false).length }
  },
  tiktoken(file) {
    const t = require('tiktoken').get_encoding(encodingOf(file))
    return { encode: (text) => t.encode_ordinary(text).length }
  },
  'gpt-tokenizer'(file) {
    const { encode } = require(`gpt-tokenizer/cjs/encoding/${encodingOf(file)}`)
    const nothing = { disallowedSpecial: new Set() }
    return { encode: (text) => encode(text, nothing).length }
  },
  'ai-tokenizer'(file) {
    const { Tokenizer } = require('ai-tokenizer')
    const t = new Tokenizer(require('ai-tokenizer/encoding')[encodingOf(file)])
    return { encode: (text) => t.encode(text).length }
  },
}

let t
let documents = []
let decodable

const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) * 1000 }

async function answer([what, argument, limit]) {
  if (what === 'load') {
    const begun = cpu()
    t = await PEERS[name](argument)
    return { compile_ns: cpu() - begun, resident_kb: process.memoryUsage().rss >> 10 }
  }
  if (what === 'texts') {
    const data = fs.readFileSync(argument)
    documents = []
    for (let at = 0; at < data.length; at += 4 + data.readUInt32LE(at)) documents.push(data.toString('utf8', at + 4, at + 4 + data.readUInt32LE(at)))
    documents = documents.map((d) => [d, Buffer.byteLength(d)])
    decodable = null
    return { documents: documents.length }
  }
  let [bytes, tokens] = [0, 0]
  const run = argument === 'offsets' ? t.offsets : t.encode
  if (argument === 'decode') decodable ??= await Promise.all(documents.map(([d]) => t.ids(d)))
  const begun = cpu()
  for (let i = 0; i < documents.length && bytes < (limit ?? Infinity); i++) {
    tokens += await (argument === 'decode' ? t.decode(decodable[i]) : run(documents[i][0]))
    bytes += documents[i][1]
  }
  return { ns: cpu() - begun, bytes, tokens }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let result
  try { result = await answer(line.split(' ')) } catch (e) { result = { error: String(e.message).slice(0, 200) } }
  console.log(JSON.stringify(result))
}
