// encode.mjs NODE_MODULES: the reference library behind a pipe, a JSON line for a JSON line:
//   {"open": "tokenizer.json as text"}  →  {}
//   {"text": …}                         →  {"ids": […], "offsets": [[start, end], …]}, no special tokens added
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'

const { Tokenizer } = createRequire(path.join(path.resolve(process.argv[2]), 'encode.mjs'))('./tokenizers')
let tokenizer

async function answer({ open, text }) {
  if (open !== undefined) {
    tokenizer = Tokenizer.fromString(open)
    tokenizer.disableTruncation()
    tokenizer.disablePadding()
    return {}
  }
  const encoding = await tokenizer.encode(text, null, { addSpecialTokens: false })
  return { ids: encoding.getIds(), offsets: encoding.getOffsets() }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))))
