/** What `scripts/edge-config.ts` writes before a Worker is built: its configuration, as text. */
declare const files: {
  readonly file: string
  readonly config: string
  readonly flags: { readonly file: string; readonly text: string } | null
}
export default files
