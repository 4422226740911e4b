/** JUnit's XML, as CI systems read it. */

export interface JUnitCase {
  readonly name: string
  readonly result: 'passed' | { readonly failed: string } | { readonly skipped: string }
}

/** @param suite its name, for every case */
export function junitText(suite: string, cases: readonly JUnitCase[]): string {
  const failures = cases.filter(({ result }) => typeof result === 'object' && 'failed' in result)
  const skipped = cases.filter(({ result }) => typeof result === 'object' && 'skipped' in result)
  const lines = cases.map(({ name, result }) => {
    const head = `    <testcase classname="${xml(suite)}" name="${xml(name)}"`
    if (result === 'passed') return `${head}/>`
    const inner =
      'failed' in result
        ? `<failure message="${xml(firstLine(result.failed))}">${xml(result.failed)}</failure>`
        : `<skipped message="${xml(firstLine(result.skipped))}"/>`
    return `${head}>${inner}</testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${xml(suite)}" tests="${cases.length}" failures="${failures.length}" errors="0" skipped="${skipped.length}">`,
    ...lines,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

/** XML 1.0 has no place for most control characters, however they are escaped. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
}
