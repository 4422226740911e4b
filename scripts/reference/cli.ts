import { Writable } from 'node:stream'
import type { Command, Option } from 'commander'
import { EXIT } from '../../src/cli/exit.ts'
import { programOf } from '../../src/cli/program.ts'

/** `docs/reference/cli.md`: every command and option, as commander has them, and what the process ends with. */

const ENDS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  failed:
    'failed; a failed check of `doctor`; what `replay`, `flags diff` and `costs --reconcile` find to differ',
  usage: 'the command line is none',
  invalid: 'the configuration or the flags are invalid',
  unreachable: 'the control plane, or Unleash, does not answer or does not take the token',
  rolledBack: '`status`: a rollout is rolled back',
  timedOut: '`status --wait`: not in time',
  refused: 'refused: latched, another version, or more than was agreed to',
  notEnoughData: '`status --require-verdict`: a verdict is inconclusive',
  interrupted: 'Ctrl-C, before the work was done',
}

export function cliText(): string {
  let heard = ''
  const out = new Writable({
    write(chunk, _, done) {
      heard += chunk
      done()
    },
  }) as unknown as NodeJS.WriteStream
  const program = programOf({ stdout: out, stderr: out })
  // Help at a width of its own, whatever terminal this runs in.
  const examplesOf = (command: Command): string => {
    heard = ''
    command.outputHelp()
    return /Examples:\n([\s\S]*?)\n\n?Usage:/.exec(heard)?.[1] ?? ''
  }
  const leaves = (command: Command): readonly Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
  const sections = program.commands
    .flatMap(leaves)
    .filter(({ name }) => name.call(program) !== 'help')
  return `# The command line

After this page you know every command, its options, and what it ends with. It is made from the code (\`npm run reference\`).

In a checkout a command is \`npm run -s headgate -- status\`; [Start](../start.md#type-headgate) makes \`headgate status\` of it. What a command answers is
on stdout, what it remarks on stderr.

## With every command

${optionTable(program.options)}

The control plane is found by \`--url\`, \`HEADGATE_URL\`, or the config file; its token by \`--token-file\`, \`HEADGATE_TOKEN\`, or what the config file
names. A token is never an argument. \`HEADGATE_BY\` says who you are, for the audit log.

## What it ends with

| exit | when |
| --- | --- |
${Object.entries(EXIT)
  .map(([name, code]) => `| ${code} | ${ENDS[name as keyof typeof EXIT]} |`)
  .join('\n')}

${sections.map((command) => sectionOf(command, examplesOf(command))).join('\n\n')}
`
}

function sectionOf(command: Command, examples: string): string {
  const { parent } = command
  const name = parent?.parent ? `${parent.name()} ${command.name()}` : command.name()
  const takes = command.registeredArguments.map(
    (each) =>
      `| \`${each.required ? `<${each.name()}>` : `[${each.name()}]`}\` | ${cell(each.description)} | |`,
  )
  const options = command.options.map(rowOf)
  const table = [...takes, ...options]
  return [
    `## ${name}`,
    command.description(),
    ...(table.length === 0
      ? []
      : [`| | | unless given |\n| --- | --- | --- |\n${table.join('\n')}`]),
    ...(examples === '' ? [] : [`\`\`\`text\n${examples.replaceAll(/^ {2}/gm, '')}\n\`\`\``]),
  ].join('\n\n')
}

function optionTable(options: readonly Option[]): string {
  return `| | | unless given |\n| --- | --- | --- |\n${options.map(rowOf).join('\n')}`
}

function rowOf({
  flags,
  description,
  defaultValue,
  defaultValueDescription,
  argChoices,
}: Option): string {
  const choices =
    argChoices === undefined ? '' : `: ${argChoices.map((one) => `\`${one}\``).join(', ')}`
  const initial = defaultValueDescription ?? defaultValue
  const shown =
    initial === undefined || typeof initial === 'boolean' || initial?.length === 0
      ? ''
      : `\`${initial}\``
  return `| \`${flags}\` | ${cell(`${description}${choices}`)} | ${shown} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
