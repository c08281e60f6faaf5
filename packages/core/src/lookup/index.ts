export { DigestBytes } from './digest-bytes.ts'
export { copyHashWords, MAX_HASH_WORDS } from './hash-words.ts'
export { KnownBlobs } from './known-blobs.ts'
