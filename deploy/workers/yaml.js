/**
 * In place of yaml in the Worker, which would be a tenth of it: of YAML it reads the part that is JSON. What is bundled was
 * read as YAML at the build, with the place of every fault; here all that is left to say is that a text is no JSON.
 */

class Scalar {
  constructor(value) {
    this.value = value
  }
}

class Pairs {
  constructor(items) {
    this.items = items
  }
}

class Items {
  constructor(items) {
    this.items = items
  }
}

export const isAlias = () => false
export const isMap = (node) => node instanceof Pairs
export const isScalar = (node) => node instanceof Scalar
export const isSeq = (node) => node instanceof Items

export function parseDocument(text) {
  if (text.trim() === '') return { contents: null, errors: [], warnings: [] }
  try {
    return { contents: nodeOf(JSON.parse(text)), errors: [], warnings: [] }
  } catch {
    const error = { code: 'MISSING_CHAR', message: 'a Worker reads JSON', pos: [0, 0] }
    return { contents: null, errors: [error], warnings: [] }
  }
}

function nodeOf(value) {
  if (Array.isArray(value)) return new Items(value.map(nodeOf))
  if (typeof value !== 'object' || value === null) return new Scalar(value)
  const pairs = Object.entries(value)
  return new Pairs(pairs.map(([key, of]) => ({ key: new Scalar(key), value: nodeOf(of) })))
}
