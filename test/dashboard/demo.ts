import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** The real `headgate demo`, as somebody starts it in a terminal. */

export interface Demo {
  /** With the token. */
  readonly pageUrl: string
  close(): Promise<void>
}

export async function startDemo(): Promise<Demo> {
  const demo = spawn(process.execPath, ['src/cli/main.ts', 'demo', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const pageUrl = await new Promise<string>((resolve, reject) => {
    demo.stdout.on('data', (chunk: Buffer) => {
      said += chunk
      const url = /^page (\S+)$/m.exec(said)?.[1]
      if (url !== undefined) resolve(url)
    })
    demo.once('exit', (code) => reject(new Error(`the demo ended with ${code}: ${said}`)))
  })
  return {
    pageUrl,
    async close() {
      if (demo.exitCode !== null) return
      demo.kill('SIGINT')
      await once(demo, 'exit')
    },
  }
}
