// A process that has just been started on a folder: how long until its first get, and its first put?
import { digestOf, sourceFromBytes } from '@caskade/core'
import { localBackend } from '../support/local-backends.ts'

const [, , name = '', path = '', text = ''] = process.argv
const { storage } = await localBackend(name, { path, maxBytes: 100 * 1024 ** 3 })
await storage.start()
const startedMs = performance.now()
const known = Buffer.from(text)
const reader = await storage.getBlob(digestOf(known))
const isThere = known.equals((await reader?.bytes()) ?? Buffer.alloc(0))
const gotMs = performance.now()
const fresh = Buffer.from(`fresh ${Date.now()}`)
await storage.commitWrite(digestOf(fresh), sourceFromBytes(fresh))
const putMs = performance.now()
await storage.stop()
process.stdout.write(JSON.stringify({ isThere, startedMs, gotMs, putMs }))
