import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Attribute,
  LABELS,
  METRICS,
  type Metric,
  prometheusNameOf,
  SPAN_EVENTS,
  SPAN_LABELS,
  SPANS,
} from '../src/telemetry/names.ts'

/** `docs/reference/telemetry.md`: every name that leaves the process, made from the file that the code takes them from. */

const FILE = join(import.meta.dirname, '../docs/reference/telemetry.md')

const HEAD = `# Names of metrics and spans

After this page you know every metric, what it is called on a page for Prometheus, what tells its series apart, and what spans say. It is made from
\`src/telemetry/names.ts\` (\`npm run telemetry\`).

How far a name is to be relied on: \`stable\`, \`release_candidate\` and \`development\` are OpenTelemetry's words for its conventions;
\`headgate\` names are ours, and change in a minor version at most, with a line in the changelog. Names of GenAI are those of semantic
conventions 1.41; with \`OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental\` they are the newer ones, where such are given. Names
on a page for Prometheus carry their units, as the OpenTelemetry Collector makes them.
`

function metricText(metric: Metric): string {
  const { name, latest, kind, unit, buckets, stability, meaning, labels } = metric
  const lines = [
    `### \`${name}\``,
    '',
    `${meaning}.`,
    '',
    '| | |',
    '| --- | --- |',
    `| kind | ${kind}, unit \`${unit}\` |`,
    `| stability | ${stability} |`,
    `| Prometheus | \`${pageNameOf(metric)}\` |`,
  ]
  if (latest !== undefined) lines.push(`| newer name | \`${latest}\` |`)
  if (buckets !== undefined) lines.push(`| buckets | ${buckets.join(', ')} |`)
  const named = labels.map((label) => `\`${LABELS[label].name}\``).join(', ')
  lines.push(`| attributes | ${named || 'none'} |`)
  return lines.join('\n')
}

function pageNameOf(metric: Metric): string {
  const name = prometheusNameOf(metric)
  switch (metric.kind) {
    case 'counter':
      return `${name}_total`
    case 'histogram':
      return `${name}_bucket\`, \`${name}_sum\`, \`${name}_count`
    case 'gauge':
      return name
  }
}

export function telemetryText(): string {
  const metrics = Object.values(METRICS).map(metricText).join('\n\n')
  const labels = Object.values(LABELS).map(
    ({ name, stability, meaning }) =>
      `| \`${name}\` | \`${name.replaceAll('.', '_')}\` | ${stability} | ${meaning} |`,
  )
  const spans = Object.values(SPANS).map(
    ({ name, kind, meaning }) => `| \`${name}\` | ${kind} | ${meaning} |`,
  )
  const events = Object.values(SPAN_EVENTS).map(
    ({ name, meaning }) => `| \`${name}\` | ${meaning} |`,
  )
  const more = Object.values<Attribute>(SPAN_LABELS).map(
    ({ name, stability, meaning }) => `| \`${name}\` | ${stability} | ${meaning} |`,
  )
  return `${HEAD}
## Attributes of metrics

| attribute | label | stability | meaning |
| --- | --- | --- | --- |
${labels.join('\n')}

## Metrics

${metrics}

## Spans

| span | kind | what it is |
| --- | --- | --- |
${spans.join('\n')}

| event | what it is |
| --- | --- |
${events.join('\n')}

## Attributes of spans

They say these beside the attributes of metrics, where they apply. No content, no key and no caller’s text but names of models and paths is
among them.

| attribute | stability | meaning |
| --- | --- | --- |
${more.join('\n')}
`
}

if (import.meta.main) {
  const text = telemetryText()
  if (process.argv.includes('--check')) {
    const same = readFileSync(FILE, 'utf8') === text
    console.log(
      `telemetry: ${same ? 'up to date' : 'docs/reference/telemetry.md is not what the code makes'}`,
    )
    if (!same) console.error('telemetry: run `npm run telemetry` and commit what it writes')
    process.exitCode = same ? 0 : 1
  } else {
    writeFileSync(FILE, text)
    console.log('telemetry: wrote docs/reference/telemetry.md')
  }
}
