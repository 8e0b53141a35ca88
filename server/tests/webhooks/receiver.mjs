// Behind the handbook's example: a webhook of JSON a line; the status, and how many more works there are than before.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

// As much of a connection as the example needs: what is committed is in the file, and nothing else.
const file = process.argv[2];
const read = () => (existsSync(file) ? JSON.parse(readFileSync(file)) : { webhooks: [], works: [] });
let tables = read();
const db = {
  async query(text, [value] = []) {
    if (text === "BEGIN" || text === "ROLLBACK") tables = read();
    else if (text === "COMMIT") writeFileSync(file, JSON.stringify(tables));
    else {
      const [, name] = /^INSERT INTO (\w+)/.exec(text);
      if (text.includes("ON CONFLICT DO NOTHING") && tables[name].includes(value)) return { rowCount: 0 };
      tables[name].push(value);
    }
    return { rowCount: 1 };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const one = JSON.parse(line);
  const before = read().works.length;
  const work = async (db, event) => {
    await db.query("INSERT INTO works (event) VALUES ($1)", [event.id]);
    if (one.fate === "Die") process.exit(1);
    if (one.fate === "Fail") throw new Error("the work fails");
  };
  const status = await receive(SECRET, one.headers, Buffer.from(one.body), db, work).catch(() => 500);
  console.log(`${status} ${read().works.length - before}`);
}
