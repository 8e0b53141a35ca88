// A sale through node-redis and through ioredis. Usage: sale.mjs HOST:PORT SKU. Exits with 1 if an answer is wrong.

import assert from "node:assert/strict";
import Redis from "ioredis";
import { createClient } from "redis";

const [address, sku] = process.argv.slice(2);
const [host, port] = address.split(":");

/** A RESP3 map may come as an object or a Map, a RESP2 one as a flat array. */
function fields(map) {
  if (map instanceof Map) return Object.fromEntries(map);
  if (!Array.isArray(map)) return map;
  return Object.fromEntries(map.flatMap((name, at) => (at % 2 === 0 ? [[name, map[at + 1]]] : [])));
}

async function sell(name, ask) {
  const key = `${sku}-${name}`;
  const order = `{${key}}:o:1`;
  const document = { title: "Phone 双十一", stock: 100, currency: "CNY", price: { fixed: 599900 } };
  assert.deepEqual(await ask("SKU.PUT", key, JSON.stringify(document)), ["CREATED"]);
  assert.equal(fields(await ask("SKU.GET", key)).title, document.title);
  const held = await ask("ORDER.RESERVE", key, "r1", "u1", "2");
  assert.deepEqual(held.slice(0, 3), ["RESERVED", order, 1199800]);
  assert.deepEqual(await ask("ORDER.RESERVE", key, "r1", "u1", "2"), held);
  assert.deepEqual(await ask("ORDER.PAY", order, "p1", "1", "pay-1"), ["AMOUNT_MISMATCH", 1199800]);
  assert.deepEqual(await ask("ORDER.PAY", order, "p1", "1199800", "pay-1"), ["PAID", order]);
  assert.deepEqual(await ask("ORDER.RESERVE", key, "r2", "u2", "99"), ["SOLD_OUT"]);
  assert.equal(await ask("SKU.GET", `${key}-none`), null);
  await assert.rejects(ask("ORDER.RESERVE", key, "r1", "u1", "3"), /IDEMPREUSE/);
  await assert.rejects(ask("GET", key), /unknown command/);
  // Not awaited one by one: the library pipelines them, and the answers come in order.
  const rush = Array.from({ length: 120 }, (_, n) => ask("ORDER.RESERVE", key, `p${n}`, `u${n % 7}`, "1"));
  const answers = (await Promise.all(rush)).map(([status]) => status);
  assert.deepEqual(answers, [...Array(98).fill("RESERVED"), ...Array(22).fill("SOLD_OUT")]);
  const report = fields(await ask("REPORT", key));
  assert.deepEqual([report.available, report.reserved, report.sold, report.balanced], [0, 98, 2, 1]);
  const shown = fields(await ask("ORDER.GET", order));
  assert.deepEqual([shown.state, shown.qty, shown.room], ["PAID", 2, null]);
}

/** What `listen` subscribes to is told: how it stands, then what changes. `end` ends the subscription. */
async function follow(name, ask, listen, end) {
  const key = `${sku}-${name}-pushed`;
  const document = { title: "Lamp", stock: 3, currency: "CNY", price: { fixed: 100 } };
  assert.deepEqual(await ask("SKU.PUT", key, JSON.stringify(document)), ["CREATED"]);
  const waiting = [];
  const told = [];
  const take = (message) => (waiting.length > 0 ? waiting.shift()(message) : told.push(message));
  const next = () => (told.length > 0 ? told.shift() : new Promise((resolve) => waiting.push(resolve)));
  await listen(`stock:{${key}}`, (message) => take(JSON.parse(message)));
  assert.equal((await next()).available, 3);
  await ask("ORDER.RESERVE", key, "r1", "u1", "2");
  const changed = await next();
  assert.deepEqual([changed.seq, changed.available, changed.reserved], [2, 1, 2]);
  await end(`stock:{${key}}`);
}

/** The feed through ioredis' own stream calls: a group of two consumers, and a reader that waits. */
async function read(client, key) {
  const [last] = await client.xrevrange("orders", "+", "-", "COUNT", 1);
  const group = `group-${key}`;
  assert.equal(await client.xgroup("CREATE", "orders", group, last[0], "MKSTREAM"), "OK");
  const waiting = client.duplicate();
  const woken = waiting.xread("BLOCK", 60000, "STREAMS", "orders", last[0]);
  const document = { title: "Phone", stock: 9, currency: "CNY", price: { fixed: 5 } };
  await client.call("SKU.PUT", key, JSON.stringify(document));
  await client.call("ORDER.RESERVE", key, "r1", "u1", "1");
  assert.equal((await woken)[0][1][0][1][1], "sku.created");
  await waiting.quit();
  const [[stream, entries]] = await client.xreadgroup("GROUP", group, "a", "COUNT", 9, "STREAMS", "orders", ">");
  assert.deepEqual([stream, entries.map(([, fields]) => fields[1])], ["orders", ["sku.created", "order.reserved"]]);
  assert.equal(JSON.parse(entries[1][1][5]).data.buyer, "u1");
  assert.equal(await client.xack("orders", group, entries[0][0]), 1);
  const [next, claimed] = await client.xautoclaim("orders", group, "b", 0, "0");
  assert.deepEqual([next, claimed], ["0-0", [entries[1]]]);
  assert.deepEqual((await client.xpending("orders", group)).slice(0, 3), [1, entries[1][0], entries[1][0]]);
  assert.equal(await client.xgroup("DESTROY", "orders", group), 1);
}

for (const RESP of [undefined, 2, 3]) {
  const client = createClient({ socket: { host, port: Number(port) }, ...(RESP && { RESP }) });
  client.on("error", (error) => assert.fail(error));
  await client.connect();
  assert.equal(await client.ping(), "PONG");
  await sell(`node-redis-${RESP ?? "default"}`, (...words) => client.sendCommand(words));
  const subscriber = client.duplicate();
  subscriber.on("error", (error) => assert.fail(error));
  await subscriber.connect();
  await follow(
    `node-redis-${RESP ?? "default"}`,
    (...words) => client.sendCommand(words),
    (channel, take) => subscriber.subscribe(channel, take),
    (channel) => subscriber.unsubscribe(channel),
  );
  await subscriber.close();
  await client.close();
}
console.log("node-redis ok");

const client = new Redis({ host, port: Number(port), connectionName: "sale", maxRetriesPerRequest: 0 });
client.on("error", (error) => assert.fail(error));
assert.equal(await client.ping(), "PONG");
await sell("ioredis", (...words) => client.call(...words));
const subscriber = client.duplicate();
await follow(
  "ioredis",
  (...words) => client.call(...words),
  async (channel, take) => {
    subscriber.on("message", (_, message) => take(message));
    await subscriber.subscribe(channel);
  },
  (channel) => subscriber.unsubscribe(channel),
);
await subscriber.quit();
await read(client, `${sku}-feed`);
await client.quit();
console.log("ioredis ok");
