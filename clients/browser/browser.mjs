// The browser, and what every test wants of it: nothing asked of another host, nothing wrong on the console.

import assert from "node:assert/strict";
import { createServer, connect } from "node:net";

import { chromium } from "playwright-core";

export const HTTP = process.env.HTTP_ADDRESS;
const ARGUMENTS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
/** For one thing to happen, on a machine that is busy with something else. */
const PATIENCE = 30_000;

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS });

/**
 * Opens a page in a window of its own: another visitor. `options` are those of a browser context, and `address` if it is
 * another than the server's, `script` to run before the page's, `mayBreak` if the connection is meant to.
 */
export async function visit(browser, path, { address = HTTP, script, mayBreak = false, ...options } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => {
    const isBreak = mayBreak && /WebSocket|ERR_CONNECTION/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isBreak) wrong.push(message.text());
  });
  const hosts = new Set();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  page.on("websocket", (socket) => hosts.add(new URL(socket.url()).host));
  if (script) await page.addInitScript(script);
  await page.goto(`http://${address}${path}`);
  const leave = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
    assert.deepEqual([...hosts], [address]);
  };
  return { page, leave };
}

/** Waits until the text of an element is like this, and gives it. */
export async function reads(page, selector, pattern) {
  const locator = page.locator(selector).filter({ hasText: pattern }).first();
  await locator.waitFor();
  return (await locator.textContent()).trim();
}

/** Waits until the text of an element is another one. */
export async function changes(page, selector, from) {
  const locator = page.locator(selector).first();
  await page.waitForFunction(([node, before]) => node.textContent !== before, [await locator.elementHandle(), from]);
  return locator.textContent();
}

/** A stretch of network between a page and the server that can be frozen or cut. */
export async function network() {
  const [host, port] = HTTP.split(":");
  const links = new Set();
  let isUp = true;
  const listener = createServer((near) => {
    if (!isUp) return near.destroy();
    const link = { near, far: connect(port, host) };
    links.add(link);
    const end = () => {
      near.destroy();
      link.far.destroy();
      links.delete(link);
    };
    for (const side of [near, link.far]) side.on("error", end).on("close", end);
    near.pipe(link.far).pipe(near);
  });
  await new Promise((listening) => listener.listen(0, "127.0.0.1", listening));
  return {
    address: `127.0.0.1:${listener.address().port}`,
    /** What the server answers from now on does not arrive. */
    freeze: () => links.forEach(({ near, far }) => far.unpipe(near).pause()),
    /** Breaks all connections, and lets no new one through until `mend`. */
    cut: () => {
      isUp = false;
      links.forEach(({ near, far }) => (near.destroy(), far.destroy()));
    },
    mend: () => (isUp = true),
    close: () => {
      links.forEach(({ near, far }) => (near.destroy(), far.destroy()));
      listener.close();
    },
  };
}

/** Puts a SKU of its own for a test; its name. */
export async function putSku(title, document) {
  const name = `${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}-${process.pid}-${Date.now()}`;
  const response = await fetch(`http://${HTTP}/api/v1/skus/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ title, stock: 10, currency: "EUR", price: { fixed: 4_990 }, ...document }),
  });
  assert.equal(response.status, 201, await response.text());
  return name;
}

/** How a SKU stands, by the server's own word. */
export const sku = async (name) => (await fetch(`http://${HTTP}/api/v1/skus/${name}`)).json();
