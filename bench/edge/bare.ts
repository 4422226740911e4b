/** A Worker that only passes on: what workerd itself costs a request. */
export default {
  async fetch(request: Request, env: { readonly UPSTREAM: string }): Promise<Response> {
    const { pathname } = new URL(request.url)
    return fetch(env.UPSTREAM + pathname, {
      method: request.method,
      headers: request.headers,
      body: request.body,
    })
  },
}
