// Tries a Kubernetes API server through the JavaScript client: the generated API, its watches, informers and object API.
//
// The server is the kubeconfig's, any server; it needs no node and no controllers. A line is printed for each case, and
// the exit code is 0 only if all of them pass.

import assert from 'node:assert/strict';
import process from 'node:process';
import { setTimeout as after } from 'node:timers/promises';

import { cases } from './cases.mjs';
import { World, patience } from './world.mjs';

// As many cases run at a time: most of what they do is to wait.
const together = 4;

async function runOne(world, [name, run]) {
  const timer = new AbortController();
  const late = after(patience, null, { signal: timer.signal, ref: false }).then(
    () => assert.fail('it takes too long'),
    () => {},
  );
  try {
    await Promise.race([run(world), late]);
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    console.log(`FAILED ${name}: ${String(error.stack ?? error).replaceAll('\n', ' / ')}`);
    return false;
  } finally {
    timer.abort();
  }
}

const world = await World.make();
const waiting = Object.entries(cases).filter(([name]) => name.includes(process.argv[2] ?? ''));
let failed = 0;
await Promise.all(
  Array.from({ length: together }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      if (!(await runOne(world, next))) failed += 1;
    }
  }),
);
await world.remove();
process.exit(failed > 0 ? 1 : 0);
