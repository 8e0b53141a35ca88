// Pictures of the pages, for the documents: node pictures.mjs DIRECTORY. There is load, and some buyers.

import { spawn } from "node:child_process";
import { once } from "node:events";

import { launch, reads, visit } from "./browser.mjs";

const directory = process.argv[2];
const DESK = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 360, height: 720 } };

const browser = await launch();
const take = async ({ page, leave }, name) => {
  await page.screenshot({ path: `${directory}/${name}.png` });
  await leave();
};

for (const [name, look] of [
  ["shop-light", { ...DESK, colorScheme: "light" }],
  ["shop-dark", { ...DESK, colorScheme: "dark" }],
  ["shop-phone", { ...PHONE, colorScheme: "light" }],
]) {
  const visitor = await visit(browser, "/shop#sku=desk-lamp", look);
  const { page } = visitor;
  await page.click("#try-on");
  await reads(page, "#coupon-text", /20 % off/);
  await page.click("#buy-button");
  await reads(page, "#orders li", /coupon/);
  await page.click("#skus button:has-text('Kettle')");
  await reads(page, "#price", /€59\.90/);
  await page.click("#room-open");
  await reads(page, "#members", /you/);
  await page.click("#orders button:has-text('Pay €53.91')");
  const link = new URL(await page.locator("#room-link").getAttribute("href"), page.url());
  const second = await visit(browser, link.pathname + link.hash);
  await second.page.click("#room-join");
  await page.waitForFunction(() => document.querySelectorAll("#members li").length === 2);
  await page.evaluate(() => scrollTo(0, 0));
  await take(visitor, name);
  await second.leave();
}

const options = "--rate 3000 --duration 600 --skus 9 --stock 40000 --zipf 1 --mix reserve=40,get=60 --no-progress".split(" ");
const load = spawn(process.env.LOADGEN, ["run", "--target", process.env.TCP_ADDRESS, ...options], { stdio: "ignore" });
const ended = once(load, "exit");

try {
  const dashboards = await Promise.all([
    visit(browser, "/", { ...DESK, colorScheme: "light" }),
    visit(browser, "/", { ...DESK, colorScheme: "dark" }),
    visit(browser, "/", { ...PHONE, colorScheme: "light" }),
  ]);
  // Until the charts have something to show.
  const points = () => document.querySelector("#traffic polygon.accepted")?.getAttribute("points").split(" ").length > 400;
  await dashboards[0].page.waitForFunction(points, undefined, { timeout: 300_000 });
  await take(dashboards[0], "dashboard-light");
  await take(dashboards[1], "dashboard-dark");
  await take(dashboards[2], "dashboard-phone");
} finally {
  load.kill("SIGKILL");
  await ended;
}
await browser.close();
