// Numbers and moments as the words' language writes them. Pure; whole numbers in, text out.

import { VI } from "./words.js";

const UTC_OFFSET_MS = 7 * 3600 * 1000; // Asia/Ho_Chi_Minh, without daylight saving since 1975

/** 5398 -> "5.398" */
export function whole(n, words = VI) {
  const grouped = String(Math.abs(n)).replace(/\B(?=(\d{3})+$)/g, words.thousands);
  return (n < 0 ? "−" : "") + grouped;
}

/** Whole up to a million, then in millions: a tile is only so wide. 12422633 -> "12,42 tr." */
export function short(n, words = VI) {
  if (Math.abs(n) < 1e6) return whole(n, words);
  const hundredths = Math.round(n / 1e4);
  const decimals = String(Math.abs(hundredths) % 100).padStart(2, "0");
  const millions = whole(Math.trunc(hundredths / 100), words);
  return `${millions}${words.decimal}${decimals} ${words.million}`;
}

/** Tenths of a percent -> "57,8"; a full hundred -> "100" */
export function tenths(n, words = VI) {
  if (n === 1000) return "100";
  return `${whole(Math.trunc(n / 10), words)}${words.decimal}${Math.abs(n) % 10}`;
}

/**
 * The rate b/a in tenths of a percent, for reading: half up, but a missed target never reads as
 * met (59,96 % of 60 % is 59,9), nor an incomplete rate as complete (99,96 % is 99,9).
 */
export function rateTenths(a, b, met, [numerator, denominator]) {
  let shown = Math.floor((2000 * b + a) / (2 * a));
  if (met === false && shown * denominator >= 10 * numerator) {
    shown = Math.ceil((10 * numerator) / denominator) - 1;
  }
  return b < a ? Math.min(shown, 999) : shown;
}

/** Whether b/a reaches the target, exactly. */
export function reaches(a, b, [numerator, denominator]) {
  return 100 * b * denominator >= numerator * a;
}

/** How far the rate is above its target, in tenths of a percentage point, half up. */
export function surplusTenths(a, b, [numerator, denominator]) {
  const unit = 2 * a * denominator;
  return Math.floor((2000 * b * denominator - 20 * numerator * a + a * denominator) / unit);
}

/** The target's percentage: [25, 1] -> "25", [195, 2] -> "97,5" */
export function percent([numerator, denominator], words = VI) {
  return String(Number((numerator / denominator).toFixed(2))).replace(".", words.decimal);
}

const two = (n) => String(n).padStart(2, "0");

/** A moment (milliseconds since the epoch) on the offices' clock. */
export function localParts(ms, words = VI) {
  const at = new Date(ms + UTC_OFFSET_MS);
  return {
    weekday: words.weekdays[at.getUTCDay()],
    date: `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}/${at.getUTCFullYear()}`,
    dayMonth: `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}`,
    minute: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`,
    second: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`,
  };
}

/** Minutes since midnight on the offices' clock. */
export const minuteOfDay = (ms) => Math.floor((ms + UTC_OFFSET_MS) / 60000) % 1440;

/** A day number (days since the epoch) -> {year, month, day, dayMonth: "31/12"} */
export function dayParts(day) {
  const at = new Date(day * 86400000);
  const [year, month, date] = [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate()];
  return { year, month, day: date, dayMonth: `${two(date)}/${two(month)}` };
}

/** "14:30" on the same day, else "14:30 ngày 09/11" */
export function minuteOf(ms, nowMs, words = VI) {
  const at = localParts(ms);
  if (at.date === localParts(nowMs).date) return at.minute;
  return `${at.minute} ${words.onDay} ${at.dayMonth}`;
}

/** A length of time in its largest whole unit. */
export function duration(seconds, words = VI) {
  const [s, min, h, d] = words.durations;
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} ${s}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${min}`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} ${h}`;
  return `${Math.floor(seconds / 86400)} ${d}`;
}
