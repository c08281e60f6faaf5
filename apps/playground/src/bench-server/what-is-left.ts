/** Why what misses its target does, from these profiles and from what the same steps cost by themselves. */
export const whatIsLeft: string = `## What is left, and why

What steps cost by themselves was measured once, with programs of a few lines that are not here, but for "node:http".

- **Small calls.** Two system calls, for the bytes that arrive and those that leave, and the turn of the event loop around them are what is left of a call over sqlite that finds nothing; the rest is spread thin over header fields, the message and the look at the database. With one request under way they cost more than with many, because nothing of it is shared. A hit reads the result from the database and makes sure that what it names is there.
- **FindMissingBlobs.** sqlite answers for what was found before from memory, and goes down a B-tree of the database for each blob that is absent, which a program with its index in memory need not: 1.2 µs each with 100,000 blobs. fs looks at the 256 folders that blobs are in, each time, because other processes and people may change them: 4 µs each.
- **BatchReadBlobs and BatchUpdateBlobs over fs.** Every blob is a file: to open, look at, read and close one takes four system calls, each through Node.js; to store one, a file that is synced, and a name that is. sqlite keeps small blobs as rows for that reason.
- **ByteStream.Read.** Reading a file into buffers that are used again and writing them to a bare socket, without HTTP/2, takes 24 to 33 ms for 64 MiB; \`read\` and \`writev\` are most of what is left.
- **ByteStream.Write.** Receiving 64 MiB on a bare socket takes 36 ms, hashing as it comes 45 ms more, writing to a file another 47 to 80 ms; what it takes to sync varies most. Node.js reads a socket of a server into a new buffer of 64 KiB each time, which the garbage collector has to clear away, and no option changes that.
- **HTTP GET.** \`node:http\` alone, answering 100 KiB from memory, takes 73 to 87 µs; the server of fifty lines over it stands in SERVER-BENCHMARKS.md as "node:http". The servers in Go and nginx have the kernel copy the file to the socket, which Node.js does not offer. What ours takes beyond that is the look at the database, opening and closing the file, instances and ranges, and the signal by which a read ends with its client.
`
