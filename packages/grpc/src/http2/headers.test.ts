import { describe, expect, test } from 'vitest'
import { HEADER_TABLE_BYTES, HeaderDecoder } from './header-decoder.ts'
import { encodeHeaders } from './header-encoder.ts'
import { ErrorCode } from './protocol.ts'
import { areTrailersValid, requestFields } from './request-fields.ts'

const MAX_BYTES = 32 * 1024

function decode(decoder: HeaderDecoder, hex: string): string[] | undefined {
  const fields = decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), MAX_BYTES)
  return fields?.map(({ name, value }) => `${name}: ${value}`)
}

describe('HeaderDecoder', () => {
  // The blocks of RFC 7541, appendix C.3 and C.4, which are the same requests.
  test.each([
    [
      'without Huffman codes',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'with Huffman codes',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('reads requests that refer to earlier ones, %s', (_, ...blocks) => {
    const decoder = new HeaderDecoder()

    expect(blocks.map((block) => decode(decoder, block))).toEqual([
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
      [
        ':method: GET',
        ':scheme: https',
        ':path: /index.html',
        ':authority: www.example.com',
        'custom-key: custom-value',
      ],
    ])
  })

  test('forgets the oldest when its table is full, or is made smaller', () => {
    const decoder = new HeaderDecoder()
    const remembered = (name: string): string => `40 ${text(name)} ${text('x'.repeat(2000))}`
    decode(decoder, remembered('one') + remembered('two') + remembered('three'))

    // The newest is 62; of the first there was no room.
    expect(decode(decoder, 'be')).toEqual([`three: ${'x'.repeat(2000)}`])
    expect(() => decode(new HeaderDecoder(), 'c0')).toThrow(/there is no field/)
    decode(decoder, '20')
    expect(() => decode(decoder, 'be')).toThrow(/there is no field 62/)
  })

  test('what is more than it may be is left out, and remembered all the same', () => {
    const decoder = new HeaderDecoder()
    const block = Buffer.from(
      `40${text('kept')}${text('v')}00${text('large')}${text('x'.repeat(90))}`.replaceAll(' ', ''),
      'hex',
    )

    expect(decoder.decode(block, 100)).toBeUndefined()
    expect(decode(decoder, 'be')).toEqual(['kept: v'])
  })

  test.each([
    ['field 0', '80'],
    ['a field that there is not', 'be'],
    ['a number that does not end', '7f'],
    ['a number too large', '7f ff ff ff ff 7f'],
    ['a string that does not end', '40 05 61'],
    ['a string without a length', '40'],
    ['a Huffman code that does not end', '00 81 00 01 61'],
    ['a Huffman code filled up with eight bits', '00 82 1f ff 01 61'],
    ['the code that ends a string', '00 84 ff ff ff fc 01 61'],
    ['a table larger than was offered', '3f e2 1f'],
    ['a change of the table in the middle', '82 20'],
  ])('%s is refused', (_, block) => {
    expect(() => decode(new HeaderDecoder(), block)).toThrow(
      expect.objectContaining({ code: ErrorCode.COMPRESSION_ERROR }),
    )
  })

  test('a table of the size that is offered is accepted', () => {
    expect(HEADER_TABLE_BYTES).toBe(4096)
    expect(decode(new HeaderDecoder(), '3f e1 1f')).toEqual([])
  })
})

describe('encodeHeaders', () => {
  test('is read as it was, whatever its length', () => {
    const fields = {
      ':status': '200',
      'content-type': 'application/grpc',
      'grpc-status': '0',
      'grpc-message': 'x'.repeat(127) + 'é',
      long: 'y'.repeat(20_000),
      several: ['1', '2'],
      nothing: undefined,
    }

    const decoded = new HeaderDecoder().decode(encodeHeaders(fields), MAX_BYTES)

    expect(decoded?.map(({ name, value }) => [name, value])).toEqual([
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '0'],
      ['grpc-message', 'x'.repeat(127) + 'é'],
      ['long', 'y'.repeat(20_000)],
      ['several', '1'],
      ['several', '2'],
    ])
  })
})

describe('requestFields', () => {
  const proper = { ':method': 'POST', ':scheme': 'http', ':path': '/x' }

  function fieldsOf(fields: Readonly<Record<string, string | string[]>>): ReturnType<typeof requestFields> {
    return requestFields(new HeaderDecoder().decode(encodeHeaders(fields), MAX_BYTES) ?? [])
  }

  test('puts fields together by their names', () => {
    expect(fieldsOf({ ...proper, te: 'trailers', 'x-one': '1', 'x-two': ['1', '2', '3'] })).toEqual({
      ...proper,
      te: 'trailers',
      'x-one': '1',
      'x-two': ['1', '2', '3'],
    })
  })

  test.each([
    ['without a path', { ':method': 'POST', ':scheme': 'http' }],
    ['with an empty path', { ...proper, ':path': '' }],
    ['with a pseudo field that there is not', { ...proper, ':nothing': 'x' }],
    ['with one of responses', { ...proper, ':status': '200' }],
    ['with one that comes twice', { ...proper, ':path': ['/x', '/y'] }],
    ['with one after others', { 'x-one': '1', ...proper }],
    ['with an upper-case name', { ...proper, 'X-One': '1' }],
    ['with an empty name', { ...proper, '': '1' }],
    ['with a value of several lines', { ...proper, 'x-one': 'a\nb' }],
    ['with a zero in a value', { ...proper, 'x-one': 'a\0b' }],
    ['with a space around a value', { ...proper, 'x-one': ' a' }],
    ['about its connection', { ...proper, connection: 'close' }],
    ['that wants other encodings', { ...proper, te: 'gzip' }],
  ])('a request %s is none', (_, fields) => {
    expect(fieldsOf(fields)).toBeUndefined()
  })

  test('trailers have no pseudo fields', () => {
    const of = (fields: Record<string, string>): boolean =>
      areTrailersValid(new HeaderDecoder().decode(encodeHeaders(fields), MAX_BYTES) ?? [])

    expect(of({ 'x-end': '1' })).toBe(true)
    expect(of({ ':path': '/' })).toBe(false)
    expect(of({ 'transfer-encoding': 'chunked' })).toBe(false)
  })
})

/** A string of up to 2,127 bytes, without Huffman codes, as hexadecimal digits. */
function text(value: string): string {
  const length =
    value.length < 127 ? [value.length] : [127, ((value.length - 127) & 0x7f) | 0x80, (value.length - 127) >> 7]
  return Buffer.concat([Buffer.from(length), Buffer.from(value)]).toString('hex')
}
