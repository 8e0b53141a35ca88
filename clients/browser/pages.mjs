// The pages as people use them. Each test waits for what it wants to see.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";

import { HTTP, changes, launch, network, putSku, reads, sku, visit } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const PHONE = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };

/** Runs while there is load. */
async function underLoad(act) {
  const options = "--rate 300 --duration 600 --skus 5 --stock 100000 --connections 4 --no-progress".split(" ");
  const load = spawn(process.env.LOADGEN, ["run", "--target", process.env.TCP_ADDRESS, ...options], { stdio: "ignore" });
  const ended = once(load, "exit");
  try {
    await act();
  } finally {
    load.kill("SIGKILL");
    await ended;
  }
}

test("the pages are served as they are, and may do nothing but ask their own server", async () => {
  for (const [path, type] of [
    ["/", "text/html; charset=utf-8"],
    ["/shop", "text/html; charset=utf-8"],
    ["/pages/base.css", "text/css; charset=utf-8"],
    ["/pages/line.js", "text/javascript; charset=utf-8"],
    ["/pages/icon.svg", "image/svg+xml"],
  ]) {
    const answer = await fetch(`http://${HTTP}${path}`);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), type);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const policy = answer.headers.get("content-security-policy");
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      assert.ok(policy.split("; ").includes(part), policy);
    }
    assert.ok(!/<script(?![^>]* src=)|<style| style=| on\w+=/.test(await answer.text()), `${path} has something inline`);
    const again = await fetch(`http://${HTTP}${path}`, { headers: { "if-none-match": answer.headers.get("etag") } });
    assert.equal(again.status, 304, path);
  }
  assert.equal((await fetch(`http://${HTTP}/pages/mod.rs`)).status, 404);
  assert.equal((await fetch(`http://${HTTP}/shop`, { method: "POST" })).status, 405);
});

test("the dashboard shows a running sale moving", async () => {
  const { page, leave } = await visit(browser, "/");
  await reads(page, "#state-word", /^Selling$/);
  await underLoad(async () => {
    await reads(page, "#requests", /^[1-9]/);
    await reads(page, "#accepted", /^[1-9]/);
    await reads(page, "#p99", /[µm]?s$/);
    await reads(page, "#outcomes li", /^RESERVED[1-9]/);
    const busiest = await reads(page, "#stock li .name", /Load test/);
    assert.ok(busiest, "what is busy is among the first");
    const units = await page.locator("#stock li .units").first().textContent();
    await changes(page, "#stock li .units", units);
    const drawn = () => page.locator("#traffic polygon.accepted").first().getAttribute("points");
    const before = await drawn();
    await page.waitForFunction(
      (points) => document.querySelector("#traffic polygon.accepted").getAttribute("points").length > points.length,
      before,
    );
  });
  await reads(page, "#ladders li", /Desk lamp, brass.*→.*in \d/);
  await reads(page, "#health", /Quarantinednone/);
  await leave();
});

test("the dashboard says when it hears nothing, and comes back by itself", async () => {
  const between = await network();
  const { page, leave } = await visit(browser, "/", { address: between.address, mayBreak: true });
  await reads(page, "#state-word", /^Selling$/);
  between.freeze();
  await reads(page, "#alarm", /these numbers are old/);
  assert.equal(await page.locator("body.stale").count(), 1);
  between.cut();
  await reads(page, "#alarm", /Trying again in/);
  await reads(page, "#state-word", /^No contact$/);
  between.mend();
  await reads(page, "#state-word", /^Selling$/);
  await page.locator("#alarm").waitFor({ state: "hidden" });
  await leave();
  between.close();
});

test("somebody buys, pays, cancels, and another sees it sell out", async () => {
  const name = await putSku("Last of its kind", { stock: 2 });
  const ann = await visit(browser, `/shop#sku=${name}`);
  const bob = await visit(browser, `/shop#sku=${name}`);
  await reads(ann.page, "#price", /^€49\.90$/);
  await reads(bob.page, "#units", /^2 of 2 left$/);
  await ann.page.click("#buy-button");
  await reads(ann.page, "#orders li", /1 × Last of its kind.*held for you, (10:00|9:\d\d) left/);
  await reads(bob.page, "#units", /^1 of 2 left, 1 held$/);
  await ann.page.click("#orders button:has-text('Pay €49.90')");
  await reads(ann.page, "#orders li", /paid/);
  await ann.page.click("#buy-button");
  await reads(bob.page, "#sku-state", /^sold out$/);
  assert.ok(await bob.page.locator("#buy-button").isDisabled());
  await ann.page.click("#orders button:has-text('Cancel')");
  await reads(bob.page, "#sku-state", /^for sale$/);
  await reads(ann.page, "#orders li", /cancelled/);
  assert.deepEqual([(await sku(name)).sold, (await sku(name)).available], [1, 1]);
  await ann.leave();
  await bob.leave();
});

test("who pays for codes or serials is shown them", async () => {
  const codes = await putSku("Gift card", { stock: 2, fulfilment: { codes: ["open-sesame-1", "open-sesame-2"] } });
  const { page, leave } = await visit(browser, `/shop#sku=${codes}`);
  await page.fill("#qty", "2");
  await page.click("#buy-button");
  await page.click("#orders button:has-text('Pay €99.80')");
  await reads(page, "#orders .codes", /^open-sesame-1, open-sesame-2$/);
  const serials = await putSku("Numbered print", { fulfilment: { numbered: true } });
  await page.fill("#other-name", serials);
  await page.press("#other-name", "Enter");
  await reads(page, "#sku-title", /^Numbered print$/);
  await page.fill("#qty", "1");
  await page.click("#buy-button");
  await page.click("#orders button:has-text('Pay €49.90')");
  await reads(page, "#orders .codes", /^1$/);
  await leave();
});

test("what the rules don't allow is said in plain words", async () => {
  const name = await putSku("One each", { per_buyer_limit: 1 });
  const { page, leave } = await visit(browser, `/shop#sku=${name}`);
  await page.fill("#qty", "2");
  await page.click("#buy-button");
  await reads(page, "#said", /You may have 1 more/);
  await page.click("#room-open");
  await reads(page, "#said", /not sold to groups/);
  await page.click("#skus button:has-text('Signed print')");
  await page.click("#buy-button");
  await reads(page, "#said", /not for everybody/);
  await page.click("#skus button:has-text('Game console')");
  await reads(page, "#when", /Opens in \d+ d/);
  await page.click("#buy-button");
  await reads(page, "#said", /has not begun.*opens in \d+ d/);
  await leave();
});

test("two windows buy in a room, and each sees the other join and pay", async () => {
  const first = await visit(browser, "/shop#sku=kettle");
  await reads(first.page, "#price", /^€59\.90$/);
  await first.page.click("#room-open");
  await reads(first.page, "#members", /\(you\) · not paid yet/);
  const link = new URL(await first.page.locator("#room-link").getAttribute("href"), first.page.url());
  const second = await visit(browser, link.pathname + link.hash);
  await second.page.click("#room-join");
  await reads(second.page, "#said", /You are in/);
  await first.page.waitForFunction(() => document.querySelectorAll("#members li").length === 2);
  for (const { page } of [first, second]) await page.click("#orders button:has-text('Pay €53.91')");
  for (const { page } of [first, second]) {
    await page.waitForFunction(() => document.querySelectorAll("#members li.paid").length === 2);
    await reads(page, "#room-next", /2 paid at the price for 2; from 5 on €47\.92 each/);
  }
  await first.leave();
  await second.leave();
});

test("trying on opens a coupon window, and the coupon works once", async () => {
  const { page, leave } = await visit(browser, "/shop#sku=desk-lamp");
  await page.click("#try-on");
  await reads(page, "#coupon-text", /20 % off, for (30:00|29:\d\d)/);
  const price = (await sku("desk-lamp")).price;
  await page.click("#buy-button");
  await reads(page, "#orders li", new RegExp(`€${(price / 500).toFixed(2)} less: coupon`));
  await page.locator("#coupon-use").waitFor({ state: "hidden" });
  await leave();
});

test("a cart holds all of its lines or none", async () => {
  const { page, leave } = await visit(browser, "/shop#sku=tea-mug");
  await page.fill("#qty", "2");
  await page.click("#cart-add");
  await page.click("#skus button:has-text('Kettle')");
  await reads(page, "#price", /^€59\.90$/);
  await page.click("#cart-add");
  await page.click("#cart-buy");
  await reads(page, "#orders li", /2 × Tea mug, blue, 2 × Kettle|2 × Kettle.*2 × Tea mug/);
  await page.click("#orders button:has-text('Pay')");
  await reads(page, "#orders li", /paid.*less for the sum/);
  await leave();
});

test("an answer that was lost is asked for again, and it is bought once", async () => {
  const name = await putSku("Bought once");
  const between = await network();
  const { page, leave } = await visit(browser, `/shop#sku=${name}`, { address: between.address, mayBreak: true });
  await reads(page, "#state-word", /^Live$/);
  between.freeze();
  await page.click("#buy-button");
  while ((await sku(name)).reserved === 0);
  between.cut();
  await reads(page, "#said", /can't be charged twice/);
  between.mend();
  await page.reload();
  await reads(page, "#orders li", /1 × Bought once.*held for you/);
  await page.waitForFunction(() => sessionStorage.getItem("tidegate.intentions") === "[]");
  assert.equal((await sku(name)).reserved, 1);
  await leave();
  between.close();
});

test("a wrong clock of the browser makes no difference", async () => {
  const name = await putSku("By the server's time", { hold_s: 120 });
  const script = () => {
    const now = Date.now;
    Date.now = () => now() + 86_400_000;
  };
  const { page, leave } = await visit(browser, `/shop#sku=${name}`, { script });
  await page.click("#buy-button");
  await reads(page, "#orders li", /held for you, (2:00|1:\d\d) left/);
  await leave();
});

test("everything can be done with the keyboard", async () => {
  const name = await putSku("By keyboard");
  const { page, leave } = await visit(browser, `/shop#sku=${name}`);
  await reads(page, "#price", /€/);
  const goTo = async (selector) => {
    for (let steps = 0; steps < 20; steps += 1) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} is not reached`);
  };
  // There may be many SKUs in between.
  await goTo("#skip");
  await page.keyboard.press("Enter");
  await goTo("#qty");
  await page.keyboard.press("ArrowUp");
  await goTo("#buy-button");
  await page.keyboard.press("Enter");
  await reads(page, "#orders li", /2 × By keyboard.*held/);
  await goTo("#orders button.first");
  await page.keyboard.press("Space");
  await reads(page, "#orders li", /paid/);
  assert.equal((await sku(name)).sold, 2);
  await leave();
});

test("both pages fit a phone", async () => {
  for (const [path, number] of [["/", "#left"], ["/shop#sku=desk-lamp", "#price"]]) {
    const { page, leave } = await visit(browser, path, PHONE);
    await reads(page, number, /\d/);
    const [wide, narrow] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= narrow, `${path} is ${wide} wide on ${narrow}`);
    await leave();
  }
});

test("the pages follow the system's colours until somebody chooses", async () => {
  const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  for (const path of ["/", "/shop"]) {
    const { page, leave } = await visit(browser, path, { colorScheme: "dark" });
    assert.equal(await ground(page), "rgb(14, 18, 22)");
    await page.click("#theme");
    assert.equal(await ground(page), "rgb(244, 246, 248)");
    await page.reload();
    assert.equal(await ground(page), "rgb(244, 246, 248)");
    await leave();
  }
});
