import type { Gateway } from '../fakes/gateway.ts'

/** The page that Prometheus reads, as it stands. */

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export class Page {
  readonly text: string
  readonly series: readonly Series[]

  constructor(text: string) {
    this.text = text
    this.series = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(seriesOf)
  }

  /** Of this name, with all of these labels. */
  all(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    return this.series.filter(
      (series) =>
        series.name === name &&
        Object.entries(labels).every(([label, value]) => series.labels[label] === value),
    )
  }

  /** @throws unless there is exactly one */
  one(name: string, labels: Readonly<Record<string, string>> = {}): Series {
    const found = this.all(name, labels)
    const [first] = found
    if (first === undefined || found.length > 1) {
      throw new Error(`${found.length} series ${name} ${JSON.stringify(labels)} in\n${this.text}`)
    }
    return first
  }

  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.one(name, labels).value
  }
}

export async function pageOf(gateway: Pick<Gateway, 'headgate'>): Promise<Page> {
  const headers = { authorization: 'Bearer control-token' }
  const answer = await gateway.headgate.control.request('/-/metrics', { headers })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  return new Page(await answer.text())
}

/** The same over HTTP. */
export async function pageAt(url: string, token: string): Promise<Page> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  return new Page(await answer.text())
}

function seriesOf(line: string): Series {
  const [, name = '', inside = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  if (name === '') throw new Error(`no series: ${line}`)
  const labels: Record<string, string> = {}
  for (const [, label = '', text = ''] of inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[label] = text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}
