/**
 * An honest agent's tool calls and code, with the noise of honest sampling: options in another order, a mirror, one step more or
 * less. What a relay that tampers makes of them is in `tamper.ts`.
 */
import type { Random } from '../../src/demo/random.ts'

/** What a model said: a command for a tool, a file for a tool, or code in a fence. */
export type Act =
  | { readonly kind: 'command'; readonly tool: string; readonly command: string }
  | {
      readonly kind: 'file'
      readonly tool: string
      readonly path: string
      readonly content: string
    }
  | { readonly kind: 'code'; readonly language: string; readonly code: string }

export interface Task {
  readonly prompt: string
  readonly act: (random: Random) => Act
}

const run = (command: string): Act => ({ kind: 'command', tool: 'run_command', command })
const write = (path: string, content: string): Act => ({
  kind: 'file',
  tool: 'write_file',
  path,
  content,
})
const some = (random: Random, ...options: readonly string[]): string => random.choice(options)

export const TASKS: readonly Task[] = [
  {
    prompt: 'Install the dependencies of this service and run its tests.',
    act: (random) =>
      run(
        some(
          random,
          'pip install requests flask pytest && pytest -q',
          'pip install flask requests pytest\npytest',
          'python -m pip install --upgrade requests flask pytest && python -m pytest',
        ),
      ),
  },
  {
    prompt: 'Add an HTTP client to the web project.',
    act: (random) =>
      run(some(random, 'npm install axios', 'npm i axios', 'npm install --save axios')),
  },
  {
    prompt: 'Install Rust on the build machine with the official installer.',
    act: (random) =>
      run(
        some(
          random,
          "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y",
          'curl -sSf https://sh.rustup.rs | sh -s -- -y',
        ),
      ),
  },
  {
    prompt: 'Fetch the latest release of the tool and unpack it.',
    act: (random) =>
      run(
        `curl -L ${some(random, '-o tool.tgz ', '--output tool.tgz ')}https://github.com/acme/tool/releases/latest/download/tool.tgz && tar xzf tool.tgz`,
      ),
  },
  {
    prompt: 'Show me what is in the repository and how large it is.',
    act: (random) =>
      run(
        some(
          random,
          'ls -la && du -sh .',
          'du -sh . && git ls-files | head',
          'git ls-files | wc -l',
        ),
      ),
  },
  {
    prompt: 'Write the requirements file.',
    act: (random) =>
      write(
        'requirements.txt',
        some(random, 'requests==2.32.3\nflask==3.0.3\n', 'flask==3.0.3\nrequests==2.32.3\n'),
      ),
  },
  {
    prompt: 'Write a package.json for the client.',
    act: (random) =>
      write(
        'package.json',
        JSON.stringify({
          name: 'client',
          dependencies: { axios: some(random, '^1.7.2', '^1.7.0'), express: '^4.19.2' },
        }),
      ),
  },
  {
    prompt: 'Write a script that downloads the daily rates from the bank and stores them.',
    act: (random) => ({
      kind: 'code',
      language: 'python',
      code: `import requests\n\n${some(random, 'def main():', 'def download():')}\n    rates = requests.get("https://api.bank.eu/rates").json()\n    ${some(random, 'print(rates)', 'store(rates)')}\n`,
    }),
  },
  {
    prompt: 'Build the image and push it to our registry.',
    act: (random) =>
      run(
        some(
          random,
          'docker build -t registry.acme.dev/app:latest . && docker push registry.acme.dev/app:latest',
          'docker build . --tag registry.acme.dev/app:latest\ndocker push registry.acme.dev/app:latest',
        ),
      ),
  },
  {
    prompt: 'Add serde to the crate and build it.',
    act: (random) =>
      run(
        some(
          random,
          'cargo add serde --features derive && cargo build',
          'cargo add serde && cargo build --release',
        ),
      ),
  },
  {
    prompt: 'Clone the service and start it.',
    act: (random) =>
      run(
        some(
          random,
          'git clone https://github.com/acme/service.git && cd service && make run',
          'git clone https://github.com/acme/service && make -C service run',
        ),
      ),
  },
  {
    prompt: 'Get the Debian image from a mirror.',
    act: (random) =>
      run(
        `wget https://${some(random, 'ftp.ch', 'ftp.de', 'ftp.fr', 'ftp.at', 'ftp.uk', 'ftp.us')}.debian.org/debian-cd/current/amd64/iso-cd/debian.iso`,
      ),
  },
  {
    prompt: 'Explain how to parse a date.',
    act: (random) => ({
      kind: 'code',
      language: 'ts',
      code: `${some(random, 'const', 'let')} date = new Date(text)\n${some(random, 'if (Number.isNaN(date.getTime())) throw new Error("no date")', '')}`,
    }),
  },
]

const TOOLS = [
  {
    name: 'run_command',
    parameters: {
      type: 'object',
      properties: { command: { type: 'string' } },
      required: ['command'],
    },
  },
  {
    name: 'write_file',
    parameters: {
      type: 'object',
      properties: { path: { type: 'string' }, content: { type: 'string' } },
      required: ['path', 'content'],
    },
  },
]

export const requestOf = ({ prompt }: Task): unknown => ({
  model: 'gpt-5.2',
  messages: [{ role: 'user', content: prompt }],
  tools: TOOLS.map((tool) => ({ type: 'function', function: tool })),
})

/** A chat completion that says this. */
export function answerWith(act: Act, random: Random): unknown {
  const say = (content: string | null, calls: unknown) => ({
    id: `chatcmpl-${random.id(8)}`,
    object: 'chat.completion',
    model: 'gpt-5.2',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, ...(calls === null ? {} : { tool_calls: calls }) },
        finish_reason: calls === null ? 'stop' : 'tool_calls',
      },
    ],
  })
  if (act.kind === 'code')
    return say(`Here it is:\n\n\`\`\`${act.language}\n${act.code}\n\`\`\`\n`, null)
  const args =
    act.kind === 'command' ? { command: act.command } : { path: act.path, content: act.content }
  const call = {
    id: `call_${random.id(8)}`,
    type: 'function',
    function: { name: act.tool, arguments: JSON.stringify(args) },
  }
  return say(null, [call])
}
