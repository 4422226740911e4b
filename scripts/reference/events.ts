import { MACHINES, type Machine } from '../../src/rollout/events.ts'
import { EVENT_TYPES, type EventType } from '../../src/types.ts'

/** `docs/reference/events.md`: what happens to a rollout, in the audit log, on the stream and at webhooks. */

const TYPES: Readonly<Record<EventType, string>> = {
  started: 'An idle rollout began at its first step.',
  advanced: 'To the next step: by the gate, or by a person.',
  held: 'The time of the step is served, and the gate has not passed.',
  released: 'From `holding` on its way again.',
  paused: 'A person stopped the climb.',
  resumed: 'Back on the plan, after a pause or a suspension.',
  set: 'A person chose a share; it is paused there.',
  suspended: 'A tripwire closed it.',
  rolled_back: 'Closed and latched: by the guard, by probes, by the plan, or by a person.',
  rearmed: 'A person opened the next epoch; it is idle.',
  completed: 'The last step of the plan is served.',
  promoted: 'A person took it to 100 %.',
  note: 'What a person wrote down; nothing moved.',
  flag_written: 'A decision was written to the flag’s server.',
  flag_declined: 'A decision was not written, since somebody had moved the flag.',
  flag_not_written: 'A decision could not be written.',
  budget_alert: 'So much of a budget is spent.',
  budget_spent:
    'A budget is spent: control answers, or the caller is refused, until its day or month is over.',
  caught: 'The canary was caught at what nobody else can have done.',
}

const ACTORS: Readonly<Record<Machine, string>> = {
  guard: 'the statistics said that the canary is worse',
  gate: 'the evidence allowed the next step, or did not yet',
  tripwire: 'a burst of failures, or of spend',
  probes: 'what a suspended rollout was asked by Headgate itself',
  plan: 'the plan is done, or the canary is another one than it was',
  write_back: 'what became of a write to the flag’s server',
  budget: 'what became of a budget',
  integrity: 'what an upstream was caught at',
}

export function eventsText(): string {
  return `# Events and webhooks

After this page you can read the audit log, follow it, and have it sent to you. It is made from the code (\`npm run reference\`).

An event is written in the same transaction as the state that it explains: there is no change without its reason. \`headgate events\` reads them,
\`headgate events --follow\` and \`GET /-/api/v1/events/stream\` go on; [Event](api.md#event) has every field.

## Types

| type | at webhooks | |
| --- | --- | --- |
${EVENT_TYPES.map((type) => `| \`${type}\` | \`rollout.${type}\` | ${TYPES[type]} |`).join('\n')}

## By whom

\`by\` is the name that a person gave, or one of these. No person may go by them.

| by | |
| --- | --- |
${MACHINES.map((machine) => `| \`${machine}\` | ${ACTORS[machine]} |`).join('\n')}

## Webhooks

\`\`\`yaml
webhooks:
  - url: "https://hooks.example/headgate"
    secret: { env: WEBHOOK_SECRET }            # whsec_ and base64 of 24 to 64 bytes
    events: [rolled_back, suspended]           # all, unless given
    rollouts: [relay]                          # all, unless given
\`\`\`

They are [Standard Webhooks](https://www.standardwebhooks.com): \`webhook-id\`, \`webhook-timestamp\` and \`webhook-signature\`, HMAC-SHA256 over the raw body;
its libraries check them in most languages.

\`\`\`json
{
  "type": "rollout.rolled_back",
  "timestamp": "2026-11-26T07:40:00.000Z",
  "data": {
    "id": "0b5e1c3a-7f0e-4d51-9a53-0c1f2f4f9a11", "at": "2026-11-26T07:40:00.000Z", "rollout": "relay", "version": 7, "epoch": 1,
    "type": "rolled_back", "by": "guard", "reason": "failures: canary 9 of 9, control 0.4 %",
    "before": { "state": "ramping", "share": 10, "step": 3 }, "after": { "state": "rolled_back", "share": 0, "step": null }
  }
}
\`\`\`

- A receiver may be told twice and out of order: \`webhook-id\` is the event's id, \`data.version\` the order.
- What is not answered with 2xx within 15 s is sent again, six times in all: within 5 s, 30 s, 2 min, 10 min and 1 h of the last. 410 ends it
  until the next start.
- At most 1,000 wait for one receiver; then the oldest goes. What waits when the process ends is lost: the audit log has it.
`
}
