// Reads a tenant's events from the bus, proves that it missed none, and prints them with their words opened.
//
//   npm ci && node consumer.mjs --server nats://127.0.0.1:4222 --name reporting --tenant acme --nkey reporting.nk --once
//
// Copy it with milepost.mjs beside it, and put your own work into `work`. The bookmark is written after the work, so
// after a crash the last events may come once more: the work must bear that, or keep the bookmark in the transaction of
// your database, as consumer.py does. Exit status 3: events are missing or altered.
import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { kidsIn, openData, upcast } from "./milepost.mjs";

const STREAM = "GOALS";
const BATCH = 500; // events between two writes of the bookmark
const IDLE_MS = 1000; // after this long without an event the consumer is asked whether it is still there
const ASK_MS = 10_000; // a query that is not answered by then failed

class Missed extends Error {} // events are missing or not what they were: nobody may go on as if nothing had happened

const { values: options } = parseArgs({
  options: {
    server: { type: "string", default: "nats://127.0.0.1:4222" },
    name: { type: "string" }, // your consumer's name, as the operator entered it
    tenant: { type: "string" }, // whose events you may read; * for every tenant's
    nkey: { type: "string" }, // file with the seed of your nkey
    bookmark: { type: "string", default: "bookmark.json" },
    keys: { type: "string" }, // file with a saved answer of the query `keys`
    "ask-keys": { type: "boolean", default: false }, // ask for keys, as far as you are entitled to them
    upcasts: { type: "string", default: new URL("../upcasts.json", import.meta.url).pathname },
    once: { type: "boolean", default: false }, // end when everything was read
  },
});

if (!options.name || !options.tenant) {
  console.error("usage: node consumer.mjs --name NAME --tenant TENANT [--server URL] [--nkey FILE] [--keys FILE] [--once]");
  process.exit(2);
}

// --- The bookmark: per tenant the highest sequence taken and its id. `place` only says where to resume reading.

const bookmark = load(options.bookmark) ?? { tenants: {}, place: null };

function load(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

async function save() {
  const part = `${options.bookmark}.part`;
  const file = await open(part, "w");
  await file.writeFile(JSON.stringify(bookmark));
  await file.sync();
  await file.close();
  await rename(part, options.bookmark); // the old one or the new one, never half of it
}

// --- Reading, in order, each event once.

async function readOn(nc) {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const place = bookmark.place;
  await manager.consumers.delete(STREAM, options.name).catch((error) => {
    if (error.name !== "ConsumerNotFoundError") throw error;
  });
  const begun = await manager.consumers.add(STREAM, {
    name: options.name,
    filter_subject: `goals.event.v1.${options.tenant}.>`,
    deliver_policy: "by_start_sequence",
    opt_start_seq: place?.streamSequence ?? 1, // the event that we have already, to see that it is still it
    ack_policy: "none", // the bookmark is ours: redelivery would only bring disorder
    mem_storage: true,
    inactive_threshold: 300e9,
  });
  if (place && place.streamSequence > 1 && begun.num_pending === 0) {
    bookmark.place = null; // the stream does not reach so far: it was lost, and is filled again from the beginning
    return false;
  }
  const consumer = await jetstream(nc).consumers.get(STREAM, options.name);
  let delivered = 0;
  let left = begun.num_pending;
  while (left > 0 || !options.once) {
    const before = delivered;
    for await (const message of await consumer.fetch({ max_messages: BATCH, expires: IDLE_MS })) {
      delivered += 1;
      left = message.info.pending;
      const event = message.json();
      if (message.info.deliverySequence !== delivered) return false; // lost on the way
      if (message.seq === place?.streamSequence && event.id !== place.id) {
        bookmark.place = null; // the stream is another: read it from its beginning, and pass over what we have
        return false;
      }
      await take(nc, event);
      bookmark.place = { streamSequence: message.seq, id: event.id };
      if (options.once && left === 0) break; // do not wait for a full batch
    }
    if (delivered > before) await save();
    else if ((await consumer.info()).delivered.consumer_seq !== delivered) return false; // sent, but never received
  }
  return true;
}

async function take(nc, event) {
  const known = bookmark.tenants[event.tenant] ?? { sequence: 0, id: "" };
  const sequence = Number(event.sequence);
  if (sequence < known.sequence) return; // again, after a refill or a crash
  if (sequence === known.sequence) {
    if (event.id !== known.id) throw new Missed(`${event.tenant} ${sequence} was ${known.id}, now ${event.id}`);
    return;
  }
  for (const earlier of await fromJournal(nc, event.tenant, known.sequence, sequence)) await done(nc, earlier);
  await done(nc, event);
}

async function done(nc, event) {
  await work(event, ...upcast(upcasts, event.type, await opened(nc, event)));
  bookmark.tenants[event.tenant] = { sequence: Number(event.sequence), id: event.id };
}

// Here an event is printed: put your own work in its place.
async function work(event, type, data) {
  const shown = { tenant: event.tenant, sequence: Number(event.sequence), id: event.id, type, data };
  process.stdout.write(`${JSON.stringify(shown)}\n`);
}

// What the stream no longer has, the journal answers.
async function fromJournal(nc, tenant, known, until) {
  const found = [];
  for (let after = known; after + 1 < until; after = known + found.length) {
    const ask = { actor: `service:${options.name}`, sequence: after, limit: Math.min(until - after, BATCH) };
    const page = ((await query(nc, tenant, "events_after", ask)).events ?? []).slice(0, until - 1 - after);
    const dense = page.every((event, index) => Number(event.sequence) === after + 1 + index);
    if (page.length === 0 || !dense) throw new Missed(`${tenant}: the journal did not give the events after ${after}`);
    found.push(...page);
  }
  return found;
}

async function query(nc, tenant, name, ask) {
  const subject = `goals.query.v1.${tenant}.${options.name}.${name}`;
  const reply = await nc.request(subject, JSON.stringify(ask), { timeout: ASK_MS }).catch((error) => {
    throw new Missed(`${name} was not answered: ${error.message}`);
  });
  const answer = reply.json();
  if (answer.status !== "answered") throw new Missed(`${name} was not answered: ${JSON.stringify(answer)}`);
  return answer;
}

// --- Words, opened where we have the key.

const upcasts = load(options.upcasts);
const keys = new Map((options.keys ? load(options.keys).keys : []).map((entry) => [entry.kid, entry.key]));

async function opened(nc, event) {
  const unknown = [...kidsIn(event.data)].filter((kid) => !keys.has(kid));
  if (options["ask-keys"] && unknown.length > 0) {
    const answer = await query(nc, event.tenant, "keys", { actor: `service:${options.name}`, kids: unknown });
    for (const kid of unknown) keys.set(kid, null); // what is not for us, or erased, is asked for once a run
    for (const entry of answer.keys ?? []) keys.set(entry.kid, entry.key);
  }
  return openData(event, keys).catch((error) => {
    throw new Missed(error.message);
  });
}

async function main() {
  const nc = await connect({
    servers: options.server,
    authenticator: options.nkey ? nkeyAuthenticator(readFileSync(options.nkey)) : undefined,
    inboxPrefix: `_INBOX.${options.name}`, // a consumer may listen to its own inboxes alone
    maxReconnectAttempts: -1,
  });
  try {
    for (let finished = false; !finished; ) {
      finished = await readOn(nc).catch(async (error) => {
        if (error instanceof Missed) throw error;
        console.error(`the broker: ${error.message}; beginning again`); // it reconnects by itself
        await wait(IDLE_MS);
        return false;
      });
    }
    const read = Object.entries(bookmark.tenants).map(([tenant, { sequence }]) => `${tenant} ${sequence}`);
    console.error(`missed nothing up to ${read.join(", ") || "the beginning"}`);
  } catch (error) {
    if (!(error instanceof Missed)) throw error;
    console.error(`MISSED: ${error.message}`);
    process.exitCode = 3;
  } finally {
    await nc.close();
  }
}

await main();
