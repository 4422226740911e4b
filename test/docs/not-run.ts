/** What the tests of the pages do not run. Both lists are meant to be short, and to be read in a review. */

/** Blocks that begin with `# Not run by the tests: …`, command by command: they need what is not on every machine. */
export const NOT_RUN: readonly string[] = [
  'docs/deploy/docker.md: docker build -t headgate:0.1.0 -f deploy/Dockerfile .',
  'docs/deploy/docker.md: docker compose run --rm headgate doctor',
  'docs/deploy/docker.md: docker compose up -d',
  'docs/deploy/docker.md: docker compose exec headgate node /app/src/cli/main.ts status',
  'docs/deploy/kubernetes.md: kubectl create secret generic headgate --from-env-file=.env',
  'docs/deploy/kubernetes.md: kubectl apply -k kubernetes',
  'docs/deploy/kubernetes.md: kubectl rollout status statefulset/headgate',
  'docs/deploy/kubernetes.md: kubectl exec headgate-0 -- node /app/src/cli/main.ts doctor',
  'docs/deploy/kubernetes.md: kubectl port-forward service/headgate-control 8788',
  'docs/deploy/kubernetes.md: HEADGATE_TOKEN=… headgate status --watch',
  'docs/deploy/node.md: useradd --system --home-dir /srv/headgate headgate',
  'docs/deploy/node.md: git clone https://git.example/headgate.git /srv/headgate',
  'docs/deploy/node.md: cd /srv/headgate && npm ci',
  'docs/deploy/node.md: install -d -m 0750 -g headgate /etc/headgate',
  'docs/deploy/node.md: install -m 0644 deploy/systemd/headgate.service /etc/systemd/system/',
  'docs/deploy/node.md: systemctl daemon-reload && systemctl enable --now headgate',
  'docs/deploy/workers.md: npx wrangler login',
  'docs/deploy/workers.md: npx wrangler deploy',
  'docs/deploy/workers.md: npx wrangler secret put HEADGATE_TOKEN       # and each other binding: until all are there it answers 503, and its log says why',
  'docs/deploy/workers.md: HEADGATE_TOKEN=… npm run -s headgate -- start relay --url https://headgate.YOU.workers.dev --reason "the relay passed our tests"',
]

export const MOST_NOT_RUN = 30

/** Commands that something else runs: what it is, and how that is seen. */
export const ELSEWHERE: readonly {
  readonly commands: RegExp
  readonly file: string
  readonly runs: RegExp
}[] = [
  { commands: /^npm (ci|test)( --.*)?( #.*)?$/, file: '.ci/run', runs: /npm ci[\s\S]*npm test/ },
  { commands: /^npm run check( #.*)?$/, file: '.ci/run', runs: /npm run check/ },
  {
    commands: /^(npm ci && )?npm run (-s )?demo( |$)/,
    file: 'test/demo/headless.test.ts',
    runs: /'--headless'/,
  },
  { commands: /^npm ci && npm test( |$)/, file: '.ci/run', runs: /npm test/ },
  { commands: /^npm run deploy:dry( |$)/, file: 'scripts/check-worker.ts', runs: /'--dry-run'/ },
  { commands: /^npm run dev:worker( |$)/, file: 'test/edge/workerd.ts', runs: /workerd/ },
]
