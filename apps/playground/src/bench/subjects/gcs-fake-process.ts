// A service in a process of its own, so that its work is not counted; ends when its standard input does.
import { FakeGcs } from '@caskade/gcs/testing'

const fake = await FakeGcs.start({ token: '', takesChunked: true })
process.stdout.write(`${fake.url}\n`)
process.stdin.resume()
process.stdin.once('end', () => process.exit(0))
