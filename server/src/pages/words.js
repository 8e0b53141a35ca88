// What the server answered, in plain words.

import { count, countdown, money } from "./page.js";

const DONE = {
  RESERVED: "Held for you. Pay before the time is over.",
  OPENED: "The room is open and your units are held. Pay before the time is over.",
  JOINED: "You are in, and your units are held. Pay before the time is over.",
  PAID: "Paid. Thank you.",
  CANCELLED: "Cancelled; nothing is held for you any more.",
  GRANTED: "A coupon for you: use it before its time is over.",
};

const REJECTED = {
  ENDED: "The sale is over.",
  PAUSED: "The sale is paused. Try again in a moment.",
  COUPON_INVALID: "The coupon is not good for this: it was used, or its time is over.",
  NO_STORE: "No store has that many.",
  BLOCKED: "You can't buy this any more. Too many orders that were not paid may be the reason.",
  NOT_ELIGIBLE: "This is not for everybody, and you are not on the list.",
  NOT_FOUND: "There is no such thing here any more.",
  FULL: "All seats of this room are taken. Open another one.",
  CLOSED: "This room has closed. Open another one.",
  ALREADY_MEMBER: "You are in this room already.",
  REFUND_DUE: "The payment came too late. You get the money back.",
  EXPIRED: "The time to pay was over before.",
  ALREADY_PAID: "It is paid already and can't be cancelled here.",
};

const REFUSED = {
  OVERLOADED: "Very many are buying at this moment. Asking again …",
  RATELIMITED: "That was too fast for the server. Asking again …",
  LOADING: "The server is just starting. Asking again …",
  READONLY: "The server is about to restart. Asking again …",
  JOURNALFAIL: "The server can't say what became of it. It will be asked again, and you can't be charged twice.",
};

/** Whether an answer is what was wanted. */
export const isDone = ({ status }, method) => status in DONE && (status !== "CANCELLED" || method.endsWith(".cancel"));

/** The words for a result. */
export function result(answer, { method, currency, clock, title = "" }) {
  const of = answer.sku ? ` (${title || answer.sku})` : "";
  switch (answer.status) {
    case "SOLD_OUT":
      return `Sold out: there are not as many left${of}. What others don't pay for comes back.`;
    case "LIMIT":
      if (answer.left === 0) return `You have as many as one buyer may have${of}.`;
      return `You may have ${count(answer.left)} more${of}, not as many as that.`;
    case "NOT_OPEN":
      return `The sale has not begun${of}. It opens in ${countdown(clock.until(answer.starts_at))}.`;
    case "PRICE_CHANGED":
      return `The price is now ${money(answer.price, currency)}${of}. Nothing was bought; look again.`;
    case "AMOUNT_MISMATCH":
      return `What is due is ${money(answer.due, currency)}. Nothing was taken.`;
    case "CANCELLED":
      return isDone(answer, method) ? DONE.CANCELLED : "It was cancelled before. You get the money back.";
    default:
      return DONE[answer.status] ?? (REJECTED[answer.status] ?? answer.status) + of;
  }
}

/** The words for an error of the server's, or for a line that broke. */
export function trouble(error) {
  if (!error.word) return "The connection broke before there was an answer. It is asked again by itself; you can't be charged twice.";
  return REFUSED[error.word] ?? (/group_buy/.test(error.message) ? "This is not sold to groups." : `That did not work: ${error.message}`);
}

/** An order's state. */
export const ORDER = {
  RESERVED: "held for you",
  PAID: "paid",
  CANCELLED: "cancelled",
  EXPIRED: "not paid in time",
  REFUND_DUE: "the money comes back",
  REFUNDED: "refunded",
};

/** A SKU's state, and how it looks. */
export const SKU = {
  SCHEDULED: ["not open yet", "warn"],
  OPEN: ["for sale", "good"],
  PAUSED: ["paused", "warn"],
  SOLD_OUT: ["sold out", "bad"],
  ENDED: ["over", ""],
};

/** A room's state. */
export const ROOM = { FORMING: ["open", "good"], SUCCEEDED: ["together", "good"], FAILED: ["did not come together", "bad"] };
