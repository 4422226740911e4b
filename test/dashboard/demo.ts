import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** The real `headgate demo`, as somebody starts it in a terminal. */

export interface Demo {
  /** With the token. */
  readonly pageUrl: string
  /** Waits until it has printed this. */
  said(words: string): Promise<void>
  /** Ctrl-C. @returns its exit code */
  interrupt(): Promise<number | null>
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
  const running: Demo = {
    pageUrl,
    async said(words) {
      while (!said.includes(words)) await once(demo.stdout, 'data')
    },
    async interrupt() {
      demo.kill('SIGINT')
      const [code] = await once(demo, 'exit')
      return code
    },
    async close() {
      if (demo.exitCode === null) await running.interrupt()
    },
  }
  return running
}
