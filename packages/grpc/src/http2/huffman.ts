/** The length of the code of each octet, in bits, as digits of base 36 (RFC 7541, appendix B). */
const CODE_LENGTHS = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
].join('')

/** The lower half of a byte, and its upper half: codes are followed four bits at a time. */
const NIBBLE_BITS = 4
const NIBBLES = 16

/** There is no such code: it would be the one that ends a string, which must not occur (RFC 7541, section 5.2). */
const FAILED = 0xffff

/** No octet ends within these four bits; no code is so short that two could. */
const NO_OCTET = -1

/** Where each node, with each four bits, leads, and the octet whose code ends on the way. */
const next = new Uint16Array(256 * NIBBLES).fill(FAILED)
const octets = new Int16Array(256 * NIBBLES).fill(NO_OCTET)
/** The nodes where a string may end: on the way of up to seven bits that are all set (RFC 7541, section 5.2). */
const mayEnd = new Uint8Array(256)

buildTables()

let scratch = Buffer.allocUnsafe(4096)

/** Decodes a string, as Latin-1; undefined when it is none. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string | undefined {
  // No code is shorter than five bits.
  const longest = Math.ceil(((end - start) * 8) / 5)
  if (scratch.byteLength < longest) scratch = Buffer.allocUnsafe(longest)
  let length = 0
  let node = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number
    for (const nibble of [byte >> NIBBLE_BITS, byte & 0xf]) {
      const step = node * NIBBLES + nibble
      const octet = octets[step] as number
      if (octet !== NO_OCTET) {
        scratch[length] = octet
        length += 1
      }
      node = next[step] as number
      if (node === FAILED) return undefined
    }
  }
  return mayEnd[node] === 1 ? scratch.toString('latin1', 0, length) : undefined
}

/** A node of the tree of codes: another one, an octet, or nothing, for a bit that is not set and one that is. */
interface Node {
  readonly number: number
  readonly children: [Node | number | undefined, Node | number | undefined]
}

function buildTables(): void {
  const nodes = buildTree()
  let node = nodes[0]
  for (let depth = 0; depth < 8 && typeof node === 'object'; depth += 1) {
    mayEnd[node.number] = 1
    node = node.children[1] as Node
  }
  for (const start of nodes) {
    for (let nibble = 0; nibble < NIBBLES; nibble += 1) follow(nodes, start, nibble)
  }
}

function follow(nodes: readonly Node[], start: Node, nibble: number): void {
  const step = start.number * NIBBLES + nibble
  let node = start
  for (let bit = NIBBLE_BITS - 1; bit >= 0; bit -= 1) {
    const child = node.children[((nibble >> bit) & 1) as 0 | 1]
    if (child === undefined) return
    if (typeof child === 'number') octets[step] = child
    node = typeof child === 'number' ? (nodes[0] as Node) : child
  }
  next[step] = node.number
}

/** Builds the tree: the codes are those that follow from their lengths, shortest first, and by octet among equals. */
function buildTree(): Node[] {
  const nodes: Node[] = [{ number: 0, children: [undefined, undefined] }]
  const lengths = Array.from(CODE_LENGTHS, (digit, octet) => ({ octet, bits: Number.parseInt(digit, 36) }))
  let code = 0
  let codeBits = 0
  for (const { octet, bits } of lengths.toSorted((a, b) => a.bits - b.bits || a.octet - b.octet)) {
    code <<= bits - codeBits
    codeBits = bits
    addCode(nodes, code, bits, octet)
    code += 1
  }
  return nodes
}

function addCode(nodes: Node[], code: number, bits: number, octet: number): void {
  let node = nodes[0] as Node
  for (let bit = bits - 1; bit > 0; bit -= 1) {
    const way = ((code >> bit) & 1) as 0 | 1
    let child = node.children[way]
    if (typeof child !== 'object') {
      child = { number: nodes.length, children: [undefined, undefined] }
      node.children[way] = child
      nodes.push(child)
    }
    node = child
  }
  node.children[(code & 1) as 0 | 1] = octet
}
