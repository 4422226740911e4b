import { hash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { baseUrlFault, baseUrlRemark } from '../../config/base-url.ts'
import { parseConfig } from '../../config/parse.ts'
import { shownPath } from '../../load-config.ts'
import { type Action, type Context, mayAsk } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CONFIG_FOLDERS, layout } from '../layout.ts'
import { type Answers, modelOf, type Template } from '../starter.ts'

/** `headgate init`: four questions, and the files of a template. */

export interface InitOptions {
  readonly template?: Template
  readonly official?: Answers['official']
  readonly relayUrl?: string
  readonly model: readonly string[]
  readonly dir: string
  readonly yes?: true
  readonly force?: true
  readonly dryRun?: true
}

export const run: Action<InitOptions> = async (options, context) => {
  const { output, env, cwd, self } = context
  const answers = !options.yes && mayAsk(context) ? await asked(options, context) : given(options)
  if (answers === null) {
    output.fail('stopped: nothing was written', '')
    return EXIT.interrupted
  }
  if ('missing' in answers) {
    output.fail(
      `${answers.missing.join(', ')} must be given where nothing can be asked`,
      `For example: ${self} init --official openai --relay-url https://relay.example/v1 --model gpt-5.2`,
    )
    return EXIT.usage
  }
  if ('wrong' in answers) {
    output.fail(answers.wrong, `Run ${self} init --help for examples.`)
    return EXIT.usage
  }

  const folder = resolve(cwd, options.dir)
  const { template } = answers
  const callerToken = template === 'node' ? null : `hgc_${randomBytes(24).toString('hex')}`
  const callerSha256 = hash('sha256', callerToken ?? '')
  const files = layout(answers, { template, callerSha256 }, folder).map(({ path, text }) => ({
    path: join(folder, path),
    text,
  }))
  const parsed = parseConfig(files[0]?.text ?? '', { file: 'headgate.yaml', env })
  if (!parsed.ok) {
    const [first] = parsed.faults
    output.fail(`${first?.path} ${first?.message}`, 'Give another value; nothing was written.')
    return EXIT.usage
  }
  const names = files.map(({ path }) => shownPath(path))
  if (options.dryRun) {
    output.document({
      ok: true,
      written: [],
      files: files.map(({ text: content }, index) => ({ file: names[index], text: content })),
    })
    files.forEach(({ text: content }, index) => {
      output.line(`${output.paint('bold', `--- ${names[index]}`)}\n${content}`)
    })
    return EXIT.ok
  }
  const there = files.filter(({ path }) => existsSync(path)).map(({ path }) => shownPath(path))
  if (there.length > 0 && !options.force) {
    const are = there.length === 1 ? 'is there already' : 'are there already'
    output.fail(
      `${there.join(', ')} ${are}: nothing was written`,
      'Replace with --force, or use --dir.',
    )
    return EXIT.failed
  }
  try {
    for (const { path, text: content } of files) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content, { flag: options.force ? 'w' : 'wx' })
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    output.fail(`cannot write: ${why}`, 'Check the folder, or choose another with --dir.')
    return EXIT.failed
  }

  const next = nextCommands(template, options.dir, self)
  output.document({ ok: true, template, written: names, callerToken, next })
  for (const name of names) output.line(`wrote  ${name}`)
  if (callerToken !== null) {
    output.line(
      `\ncallers send this as their API key; it is in no file, and shown once:\n  ${callerToken}`,
    )
  }
  const remark = baseUrlRemark(answers.relayUrl)
  if (remark !== null) output.say(`note: --relay-url ${remark}`)
  output.line('\nnext')
  for (const command of next) output.line(`  ${command}`)
  return EXIT.ok
}

function nextCommands(template: Template, dir: string, self: string): string[] {
  const here = dir === '.'
  const env = join(dir, template === 'workers' ? '.dev.vars' : '.env')
  const file = join(dir, CONFIG_FOLDERS[template], 'headgate.yaml')
  // Found by itself there.
  const found = here && template !== 'kubernetes'
  const config = found ? '' : ` --config ${file}`
  const inside = here ? '' : `cd ${dir}; `
  const fill = `cp ${env}.example ${env}   # then put your keys into it`
  switch (template) {
    case 'node':
      return [
        fill,
        `set -a; . ${here ? './.env' : resolve(env)}; set +a`,
        `${self} check${config}`,
        `${self} doctor${config}`,
        `${self} serve${config}`,
      ]
    case 'docker':
      return [
        fill,
        `${self} check${config}`,
        `${inside}docker compose run --rm headgate doctor`,
        `${inside}docker compose up -d`,
      ]
    case 'kubernetes':
      return [
        fill,
        `${self} check${config}`,
        `kubectl create secret generic headgate --from-env-file=${env}`,
        `kubectl apply -k ${join(dir, 'kubernetes')}`,
        'kubectl exec headgate-0 -- node /app/src/cli/main.ts doctor',
      ]
    case 'workers':
      return [
        fill,
        `${self} check --target workers${config}`,
        `${inside}npx wrangler dev`,
        `${inside}npx wrangler deploy`,
        `${inside}npx wrangler secret put HEADGATE_TOKEN   # and each other key`,
      ]
  }
}

type Given =
  | (Answers & { readonly template: Template })
  | { readonly missing: readonly string[] }
  | { readonly wrong: string }

function given({ template = 'node', official, relayUrl, model, yes }: InitOptions): Given {
  const missing = [
    ...(official === undefined && !yes ? ['--official'] : []),
    ...(relayUrl === undefined ? ['--relay-url'] : []),
    ...(model.length === 0 ? ['--model'] : []),
  ]
  if (missing.length > 0 || relayUrl === undefined) return { missing }
  const urlFault = relayUrlFault(relayUrl)
  if (urlFault !== null) return { wrong: `--relay-url ${urlFault}` }
  const models = model.map(modelOf)
  const known = models.filter((one) => one !== null)
  if (known.length < models.length) return { wrong: '--model must be NAME or NAME=NAME-THERE' }
  return { template, official: official ?? 'openai', relayUrl, models: known }
}

function relayUrlFault(url: string): string | null {
  const isUrl = /^https?:\/\//.test(url) && URL.canParse(url)
  return isUrl ? baseUrlFault(url) : 'must be an https: URL such as https://relay.example/v1'
}

/** Asks on stderr, so that stdout stays data. Null when the person stopped. */
async function asked(options: InitOptions, { stdin, stderr }: Context): Promise<Given | null> {
  // Only a person at a terminal waits for these to load.
  const { isCancel, select, text } = await import('@clack/prompts')
  const template =
    options.template ??
    (await select({
      message: 'Where will it run?',
      options: [
        { value: 'node' as const, label: 'Node', hint: 'a process on a machine' },
        { value: 'docker' as const, label: 'Docker', hint: 'a compose file' },
        { value: 'kubernetes' as const, label: 'Kubernetes', hint: 'a kustomization' },
        { value: 'workers' as const, label: 'Cloudflare Workers', hint: 'a wrangler.toml' },
      ],
      input: stdin,
      output: stderr,
    }))
  if (isCancel(template)) return null
  const official =
    options.official ??
    (await select({
      message: 'Which official API do your applications use today?',
      options: [
        { value: 'openai' as const, label: 'OpenAI' },
        { value: 'anthropic' as const, label: 'Anthropic' },
        { value: 'both' as const, label: 'both' },
      ],
      input: stdin,
      output: stderr,
    }))
  if (isCancel(official)) return null
  const relayUrl =
    options.relayUrl ??
    (await text({
      message: "What is the relay's base URL?",
      placeholder: 'https://relay.example/v1',
      validate: (url) => relayUrlFault(url ?? '') ?? undefined,
      input: stdin,
      output: stderr,
    }))
  if (isCancel(relayUrl)) return null
  const model =
    options.model.length > 0
      ? options.model
      : await text({
          message: 'Which models may the relay answer? Separate them by commas.',
          placeholder: official === 'anthropic' ? 'claude-opus-4.6' : 'gpt-5.2',
          validate: (names) =>
            split(names ?? '').some((name) => modelOf(name) === null) || !names?.trim()
              ? 'write NAME, or NAME=NAME-THERE, separated by commas'
              : undefined,
          input: stdin,
          output: stderr,
        })
  if (isCancel(model)) return null
  return given({
    ...options,
    template,
    official,
    relayUrl,
    model: typeof model === 'string' ? split(model) : model,
  })
}

function split(names: string): string[] {
  return names.split(',').map((name) => name.trim())
}
