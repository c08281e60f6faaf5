import type { DescMessage, DescMethod, MessageShape } from '@bufbuild/protobuf'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MethodCodec } from '@caskade/grpc'

/** How the messages of a generated method are read and written. */
export function codecOf<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethod & { readonly input: Input; readonly output: Output },
): MethodCodec<MessageShape<Input>, MessageShape<Output>> {
  return {
    path: pathOf(method),
    decode: (bytes) => fromBinary(method.input, bytes),
    encode: (message) => toBinary(method.output, message),
  }
}

/** The full name of a method, such as `/package.Service/Method`. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`
}
