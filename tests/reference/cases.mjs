// A case is one question to both sides. Suites are lists of cases, drawn from a seed, so that a case is
// known by its number; what the reference answered is kept as a hash, and asked again only to explain.
import { ENCODE, DECODE, NAMES, SELF, SPECIAL, PAIR, DEFAULTS, TRUNCATE, PAD, IDS, decodeRequest, encodeRequest, random, string } from './oracle.mjs'

export const encodeCase = (texts, options) => ({
  what: ENCODE, texts, options, payload: () => encodeRequest(texts, options), reference: (r) => r.encode(texts, options), state: options ? JSON.stringify({ ...options, flags: options.flags & ~IDS }) : '',
})

export const decodeCase = (ids, skip) => ({ what: DECODE, ids, skip, payload: () => decodeRequest(ids, skip), reference: (r) => r.decode(ids, skip), state: '' })

// Every id's name, and how many there are.
export const namesCase = (idEnd) => ({ what: NAMES, payload: () => Buffer.alloc(0), reference: async (r) => ({ failed: false, body: r.names(idEnd) }), state: '' })

// No reference: the driver holds its ways against each other.
export const selfCase = (text, seed) => ({ what: SELF, texts: [text], payload: () => Buffer.concat([Buffer.from(Uint32Array.of(seed).buffer), string(text)]), reference: async () => ({ failed: false, body: Buffer.alloc(0) }), state: '' })

function cut(document, size) {
  let end = Math.min(size, document.length)
  while (end < document.length && (document[end] & 0xc0) === 0x80) end++
  return document.subarray(0, end)
}

// Whole documents, as they are encoded every day. idsMostly: three of four are asked for no more than ids,
// which is quick on both sides, and the fast way on ours.
export const documents = (texts, idsMostly = false) => texts.map((t, i) => encodeCase([t], { flags: SPECIAL | (idsMostly && i % 4 ? IDS : 0) }))

// Everything around the model: pairs, truncation, padding, batches.
export function shapes(texts, seed, n) {
  const r = random(seed)
  const small = () => cut(r.pick(texts), 1 + r.below(r.pick([4, 30, 200])))
  return Array.from({ length: n }, () => {
    const o = { flags: r.chance(0.75) ? SPECIAL : 0 }
    if (r.chance(0.5)) o.flags |= PAIR
    if (r.chance(0.7)) {
      Object.assign(o, { max_length: r.pick([0, 1, 2, 3, 4, 5, 8, 10, 16, 30]), strategy: r.below(3), side: r.below(2) })
      // What is left for text must be more than the stride, or the reference ends its process.
      o.stride = o.flags & PAIR ? 0 : r.below(Math.max(1, Math.min(o.max_length - 7, 6)))
      o.flags |= TRUNCATE
    }
    if (r.chance(0.5)) {
      Object.assign(o, { pad_length: r.pick([0, 0, 3, 10, 40]), pad_multiple: r.pick([0, 0, 2, 8]), pad_side: r.below(2) })
      o.flags |= PAD
    }
    const inputs = o.flags & PAIR ? 1 : r.pick([1, 1, 2, 5]) // the package takes no batch of pairs
    return encodeCase(Array.from({ length: inputs * (o.flags & PAIR ? 2 : 1) }, small), { stride: 0, strategy: 0, side: 1, max_length: 0, pad_length: 0, pad_multiple: 0, pad_side: 1, ...o })
  })
}

// The file's own truncation and padding.
export const defaults = (texts, pairs = false) => texts.map((t) => encodeCase(pairs ? [t, texts[0]] : [t], { flags: SPECIAL | DEFAULTS | (pairs ? PAIR : 0) }))

// Ids that no encoder gives: characters are left incomplete. Only ids there are: for others the
// reference gives nothing, and we an error.
export function randomIds(ids, seed, n) {
  const r = random(seed)
  const idEnd = ids.length
  if (!idEnd) return []
  return Array.from({ length: n }, () => {
    const near = r.below(idEnd)
    const id = r.pick([() => r.below(idEnd), () => r.below(Math.min(idEnd, 600)), () => Math.min(idEnd - 1, near + r.below(50)), () => idEnd - 1 - r.below(Math.min(idEnd, 40))])
    return decodeCase(Array.from({ length: r.below(r.pick([3, 12, 80])) }, () => ids[id()]), r.chance(0.5))
  })
}

// Texts laden with the tokenizer's own added tokens, whole, cut, doubled and misspelt.
export function laden(added, texts, seed, n) {
  const r = random(seed)
  const names = added.length ? added : ['<s>', '</s>', '[CLS]', '<|endoftext|>']
  const near = (name) => {
    const chars = [...name]
    const at = r.below(chars.length)
    return r.pick([
      () => name, () => name, () => name, () => name + name, () => chars.slice(0, at).join(''), () => chars.slice(at).join(''),
      () => [...chars.slice(0, at), r.pick(['|', '<', ' ', '\u200b', 'é', '\uff5c']), ...chars.slice(at)].join(''),
      () => name.toUpperCase(), () => name.toLowerCase(), () => name.normalize('NFKC'), () => name.replace(/[<|]/g, '\uff5c'), () => '<' + name, () => name + '>',
      () => ` ${name}`, () => `${name} `, () => `\n\t${name}\u00a0 `, () => `a${name}b`, () => `\u2581${name}\u2581`, () => name.replaceAll(' ', '\u2581'),
    ])()
  }
  return Array.from({ length: n }, () => {
    let text = ''
    for (let i = 1 + r.below(12); i > 0; i--) text += r.chance(0.65) ? near(r.pick(names)) : cut(r.pick(texts), 1 + r.below(40)).toString()
    return Buffer.from(text.toWellFormed ? text.toWellFormed() : Buffer.from(text).toString())
  })
}
