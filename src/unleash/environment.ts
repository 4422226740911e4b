/** Where nobody says which: what unleash-client assumes as well. */
export const DEFAULT_ENVIRONMENT = 'default'

/** The environment that a backend token is for (`project:environment.secret`); null for a token of another form. */
export function environmentOf(token: string): string | null {
  const [, environment = '*'] = /^[^:]+:([^.]+)\../.exec(token) ?? []
  return environment === '*' ? null : environment
}
