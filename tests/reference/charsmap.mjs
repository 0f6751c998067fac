// A SentencePiece charsmap, in base64, of {string: what takes its place}: the size of a double array, the
// array, the strings with a NUL behind each. A unit of the array: bits 0 to 7 the byte that leads here
// (bit 31 set: a value instead), bit 8 a string ends here, from bit 10 on where the next ones are.
export function charsmap(map) {
  const root = { next: new Map(), value: -1 }
  const strings = []
  let size = 0
  for (const [key, to] of Object.entries(map)) {
    let node = root
    for (const b of Buffer.from(key)) {
      if (!node.next.has(b)) node.next.set(b, { next: new Map(), value: -1 })
      node = node.next.get(b)
    }
    node.value = size
    strings.push(Buffer.from(to + '\0'))
    size += strings.at(-1).length
  }
  const units = [0]
  const used = new Set([0])
  const place = (node, index) => {
    const labels = [...node.next.keys(), ...(node.value >= 0 ? [0] : [])]
    if (!labels.length) return
    let base = 1
    while (labels.some((l) => used.has(base ^ l))) base++
    for (const l of labels) used.add(base ^ l)
    units[index] = (units[index] | ((base ^ index) << 10) | (node.value >= 0 ? 1 << 8 : 0)) >>> 0
    if (node.value >= 0) units[base] = (node.value | 0x80000000) >>> 0
    for (const l of node.next.keys()) units[base ^ l] = l
    for (const [l, child] of node.next) place(child, base ^ l)
  }
  place(root, 0)
  const n = (Math.max(...used) | 255) + 1
  const out = Buffer.alloc(4 + 4 * n)
  out.writeUInt32LE(4 * n, 0)
  for (let i = 0; i < n; i++) out.writeUInt32LE(units[i] ?? 0, 4 + 4 * i)
  return Buffer.concat([out, ...strings]).toString('base64')
}
