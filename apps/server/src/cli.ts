#!/usr/bin/env node
// Must run on any Node.js, to say which one is needed; so it imports nothing before it has looked.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > 22 || (major === 22 && minor >= 18)) {
  await import('./main.ts')
} else {
  process.stderr.write(`caskade: needs Node.js 22.18 or newer, this is ${process.versions.node}\n`)
  process.exitCode = 1
}
