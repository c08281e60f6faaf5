import type { DescMessage, DescMethod, MessageShape } from '@bufbuild/protobuf'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MethodCodec } from '@caskade/grpc'
import { countFields, MIN_FIELD_BYTES } from './field-count.ts'

/** How many fields a request may have in all: those of 130,000 digests, which is more than fit in 8 MiB. */
export const MAX_REQUEST_FIELDS = 400_000

/** How the messages of a generated method are read and written. */
export function codecOf<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethod & { readonly input: Input; readonly output: Output },
): MethodCodec<MessageShape<Input>, MessageShape<Output>> {
  return {
    path: pathOf(method),
    decode(bytes) {
      assertNotTooDense(method.input, bytes)
      return fromBinary(method.input, bytes)
    },
    encode: (message) => toBinary(method.output, message),
  }
}

/** The full name of a method, such as `/package.Service/Method`. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`
}

/**
 * Checks that a message has no more fields than can be decoded in good time. Most are too short to have too many, and are not
 * looked at.
 *
 * @throws RangeError when it has.
 */
export function assertNotTooDense(schema: DescMessage, bytes: Uint8Array): void {
  if (bytes.byteLength <= MAX_REQUEST_FIELDS * MIN_FIELD_BYTES) return
  if (countFields(schema, bytes, MAX_REQUEST_FIELDS) <= MAX_REQUEST_FIELDS) return
  throw new RangeError(`it has more than ${MAX_REQUEST_FIELDS} fields`)
}
