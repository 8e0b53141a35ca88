// A group-buy room: who is in, what it costs now, and what one more would make it cost.

import { byId, count, countdown, element, keep, money, say } from "./page.js";
import { ROOM } from "./words.js";

/** Shows a room; `null` hides it. */
export function showRoom(room, { buyer, clock, currency, isJoining, isLive }) {
  byId("room").hidden = room === null;
  if (room === null) return;
  const [word, level] = room.state === null ? ["not there", "bad"] : ROOM[room.state];
  say(byId("room-state"), word);
  byId("room-state").className = `badge ${level}`;
  const isForming = room.state === "FORMING";
  const isMember = room.members?.some((member) => member.buyer === buyer);
  byId("room-join").hidden = !isForming || isMember;
  byId("room-join").disabled = isJoining || !isLive;
  byId("room-link").hidden = !isForming;
  byId("room-link").href = `#room=${room.room}`;
  say(byId("room-price"), room.state === null ? "" : money(room.unit_price, currency));
  say(byId("room-next"), next(room, currency));
  say(byId("room-when"), isForming ? `The room closes in ${countdown(clock.until(room.deadline))}.` : "");
  keep(byId("members"), room.members ?? [], (member) => member.order, () => element("li"), (node, member) => {
    node.className = member.paid ? "paid" : "";
    const you = member.buyer === buyer ? " (you)" : "";
    say(node, `${member.buyer}${you}${member.paid ? " ✓ paid" : " · not paid yet"}`);
  });
}

function next({ state, paid_members, tier_members, next_tier_members, next_unit_price }, currency) {
  if (state === null) return "There is no such room.";
  const paid = `${count(paid_members)} paid`;
  if (state === "FAILED") return `${paid}; at least ${count(tier_members)} were needed. Whoever paid gets the money back.`;
  if (state === "SUCCEEDED") return `${paid}. Whoever paid more than this price gets the difference back.`;
  const members = count(tier_members);
  const needed = paid_members < tier_members ? `of the ${members} that this price needs` : `at the price for ${members}`;
  if (next_tier_members === null) return `${paid} ${needed}.`;
  return `${paid} ${needed}; from ${count(next_tier_members)} on ${money(next_unit_price, currency)} each.`;
}
